"""A browser window that takes screenshots in one of four forms: two widths, two themes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page

WIDTHS = {1440: 900, 390: 844}  # height by width
THEMES = ("light", "dark")
WHOLE = (
    "event-",
    "rejected-one",
    "session-",
    "source-one",
    "report-",
    "letter-",
)  # pages taken from top to bottom; of lists only the first screen
log = logging.getLogger(__name__)


def log_in(page: Page, name: str, password: str) -> None:
    """Log in through the form."""
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")


class Camera(NamedTuple):
    """A window in one of the forms, and the folder for its screenshots."""

    page: Page
    folder: Path
    form: str  # width and theme

    def take(self, name: str) -> None:
        """Take a screenshot of the current page."""
        self.page.wait_for_load_state("networkidle")
        for details in self.page.locator("details.tally-document").all():
            details.evaluate("element => { element.open = true }")
        overflow = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if overflow > 0:
            log.warning("%s is %d px too wide in %s", name, overflow, self.form)
        whole = name.startswith(WHOLE)
        self.page.screenshot(path=self.folder / f"{name}-{self.form}.png", full_page=whole)

    def go(self, wanted: dict[str, str]) -> None:
        """Open pages and take screenshots of them."""
        for name, path in wanted.items():
            self.page.goto(path)
            self.take(name)


@contextmanager
def camera(browser: Browser, url: str, folder: Path, width: int, theme: str) -> Iterator[Camera]:
    """Open a window."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": WIDTHS.get(width, 900)},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.on("pageerror", lambda error: log.warning("Error on the page: %s", error))
    yield Camera(page, folder, f"{width}-{theme}")
    context.close()
