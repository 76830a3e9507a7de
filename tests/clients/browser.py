"""A real browser on a page of another origin, with real preflights, beacons and storage."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Page, sync_playwright

from tests.needs import require

# CI often runs as root, for which Chromium has no sandbox, and with little shared memory.
SWITCHES = ["--no-sandbox", "--disable-dev-shm-usage"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files of a folder without logging."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve the files of a folder during the block, and yield the site's address."""
    files = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    files.daemon_threads = True
    thread = Thread(target=files.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{files.server_port}"
    finally:
        files.shutdown()
        thread.join()
        files.server_close()


@contextmanager
def visiting(folder: Path, file: str, script: str = "") -> Iterator[Page]:
    """Open a page of the site in a new browser, with a script that runs before the page's own.

    Django doesn't allow database access in a thread with an event loop like Playwright's, so check what was
    filed after the visit.
    """
    chromium = shutil.which("chromium")
    require("chromium", chromium, "install Chromium, or run `.ci/install-machine`.")
    with sync_playwright() as playwright, site(folder) as address:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        try:
            page = browser.new_page()
            if script:
                page.add_init_script(script)
            page.goto(f"{address}/{file}")
            yield page
        finally:
            browser.close()
