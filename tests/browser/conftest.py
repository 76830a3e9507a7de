"""A server and a browser, and people who can log in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from events.ownership.owner import Owner, Role
from tests.browser.chromium import chromium
from tests.factories import person
from tests.serving import Server

PASSWORD = "only for tests 0123456789"
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)
Visit = Callable[..., Page]


@pytest.fixture
def url(production: Server, transactional_db: None) -> str:
    """The address of the production server on the tests' database."""
    return production.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module: Playwright's event loop in this thread would block others' database access."""
    with pytest.MonkeyPatch.context() as patch:
        # Safe, because the event loop doesn't run while a test uses the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        with chromium() as browser:
            yield browser
            connections.close_all()  # with an event loop, Django uses separate connections


@pytest.fixture
def visit(url: str, browser: Browser) -> Iterator[Visit]:
    """A function that opens a window, with the arguments of `new_context`. Script errors fail the test."""
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
    """Create a user with a password."""
    user = person(name, *owners, role=role, is_superuser=is_superuser)
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(page: Page, name: str) -> None:
    """Log in through the form."""
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/**")
