"""Using pages with the keyboard, and reading them without JavaScript."""

from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.admin.conftest import page_of
from tests.admin.visits import address, failure, touch, view, visited
from tests.browser.conftest import Visit, known, log_in
from tests.browser.keyboard import follows, round_of, tab_to
from tests.rejected.conftest import team_a
from tests.sending import Sender

__all__ = ["team_a"]

CONTENT = {"list": "#result_list tbody tr", "event": ".tally-group dl", "session": ".tally-steps tbody tr"}
VISIT = (view(0, "home"), touch(3.5), view(10, "search"), failure(11))


@pytest.fixture
def alice(team_a: Sender) -> User:
    """A member of team A."""
    return known("alice", team_a.key.default_owner)


@pytest.fixture
def paths(team_a: Sender) -> dict[str, str]:
    """Addresses of pages with data, by name."""
    session = visited(team_a, *VISIT)
    return {
        "list": "/admin/events/event/",
        "event": page_of(session.timeline()[1]),
        "session": address(session),
    }


@pytest.fixture
def window(alice: User, paths: dict[str, str], visit: Visit) -> Page:
    """A window in which alice is logged in."""
    page = visit(viewport={"width": 1440, "height": 900})
    log_in(page, alice.username)
    return page


@pytest.mark.parametrize("name", ["list", "event"])
def test_tab_follows_the_reading_order(name: str, paths: dict[str, str], window: Page) -> None:
    window.goto(paths[name])
    stops = round_of(window)
    areas = list(dict.fromkeys(each.area for each in stops))
    assert areas[-1] in ("main", "footer")
    content = [each for each in stops if each.area == "main"]
    assert len(content) > 10
    assert [(a, b) for a, b in pairwise(content) if not follows(a, b)] == []


@pytest.mark.parametrize("name", ["list", "event", "session"])
def test_the_focus_is_visible(name: str, paths: dict[str, str], window: Page) -> None:
    window.goto(paths[name])
    assert [each.name for each in round_of(window) if not each.is_seen] == []


def test_escape_closes_the_account_menu(paths: dict[str, str], window: Page) -> None:
    window.goto(paths["list"])
    log_out = window.get_by_role("button", name="Log out")
    expect(log_out).to_be_hidden()
    tab_to(window, "alice")
    window.keyboard.press("Enter")
    expect(log_out).to_be_visible()
    window.keyboard.press("Escape")
    expect(log_out).to_be_hidden()


@pytest.mark.parametrize("name", ["list", "event", "session"])
def test_the_content_is_visible_without_javascript(
    name: str, paths: dict[str, str], alice: User, visit: Visit
) -> None:
    page = visit(java_script_enabled=False)
    log_in(page, alice.username)
    page.goto(paths[name])
    expect(page.locator(CONTENT[name]).first).to_be_visible()
