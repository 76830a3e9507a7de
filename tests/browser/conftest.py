"""A server and a browser for stories, and people who can log in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from events.ownership.owner import Owner, Role
from tests.browser.chromium import chromium
from tests.factories import person
from tests.serving import serving

PASSWORD = "only for tests 0123456789"
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def static_files() -> None:
    """Styles and scripts where the server looks for them."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture
def url(static_files: None, transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of the production server on the tests' database.

    One for each test: a server remembers the numbers of content types, which are others after a flush.
    """
    with serving(tmp_path / "log") as served:
        yield served.url


@pytest.fixture
def browser(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser for one test: Playwright's loop in this thread would refuse Django's database to others."""
    # The loop rests while a test asks the database, so what Django fears doesn't happen.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium() as browser:
        yield browser
        connections.close_all()  # beside a loop Django has connections of their own


@pytest.fixture
def visit(url: str, browser: Browser) -> Iterator[Visit]:
    """Opens a window of its own, arguments as of `new_context`; an error of a script fails the test."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            errors.append(message.text)

    def visit(**options: Any) -> Page:
        context = browser.new_context(base_url=url, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", note)
        return page

    yield visit
    assert errors == []


def known(name: str, *owners: Owner, role: Role = Role.VIEWER, is_superuser: bool = False) -> User:
    """Somebody with a password."""
    user = person(name, *owners, role=role, is_superuser=is_superuser)
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(page: Page, name: str) -> None:
    """By the form, as people do."""
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/**")
