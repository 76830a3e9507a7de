"""A real browser on a page of another site than the server's: preflights, beacons and storage are its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Page, sync_playwright

from tests.needs import require

# CI often runs as root, for whom Chromium has no sandbox, and where shared memory is small.
SWITCHES = ["--no-sandbox", "--disable-dev-shm-usage"]


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a site that has the files of a folder."""
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
    """A page of the site in a fresh browser, with a script that runs before those of the page.

    Django refuses its database to a thread with an event loop, which Playwright's is: look at what was filed
    after the visit.
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
