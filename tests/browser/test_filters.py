"""Filters apply as soon as they are changed, and the focus stays where it was."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from events.ownership.owner import Role
from tests.admin.visits import touch, view, visited
from tests.browser.conftest import Visit, known, log_in
from tests.rejected.conftest import team_a
from tests.rollups.recomputed import fold_due
from tests.sending import Sender

__all__ = ["team_a"]

DESK = {"width": 1440, "height": 900}
REPORT, EVENTS = "/reports/overview/", "/admin/events/event/"
VISIT = (view(0, "home"), touch(3.5), touch(4))


@pytest.fixture
def lead(team_a: Sender) -> User:
    """Lena, the lead of team A, with three events."""
    visited(team_a, *VISIT)
    fold_due()
    return known("lena", team_a.key.default_owner, role=Role.LEAD)


@pytest.fixture
def window(lead: User, visit: Visit) -> Page:
    """A window in which the lead is logged in."""
    page = visit(viewport=DESK)
    log_in(page, lead.username)
    return page


def test_the_headline_matches_the_selected_period(window: Page) -> None:
    window.goto(REPORT)
    expect(window.get_by_role("button", name="Apply")).to_be_hidden()
    window.locator("[name=period]").select_option("30d")
    expect(window.locator("main h2").first).to_contain_text("3 events in the last 30 days")
    window.go_back()
    expect(window.locator("main h2").first).to_contain_text("in the last 7 days")
    expect(window.locator("[name=period]")).to_have_value("7d")


@pytest.mark.parametrize(("path", "name"), [(REPORT, "period"), (EVENTS, "kind")])
def test_the_focus_stays_on_the_field(window: Page, path: str, name: str) -> None:
    window.goto(path)
    field = window.locator(f"select[name={name}]")
    field.focus()
    window.keyboard.press("ArrowDown")
    chosen = field.input_value()
    window.wait_for_url(re.compile(f"{name}={chosen}"))
    expect(field).to_be_focused()
    expect(field).to_have_value(chosen)


def test_a_list_of_checkboxes_stays_open(window: Page) -> None:
    window.goto(REPORT)
    window.locator(".tally-pick", has_text="Kind").locator("summary").click()
    for name in ("interact", "impression"):
        box = window.get_by_role("checkbox", name=name)
        box.check()
        window.wait_for_url(re.compile(f"kind={name}"))
        expect(box).to_be_visible()
        expect(box).to_be_focused()
    expect(window).to_have_url(re.compile("kind=interact.*kind=impression|kind=impression.*kind=interact"))


def test_a_search_applies_when_the_focus_moves_on(window: Page) -> None:
    window.goto(EVENTS)
    window.get_by_role("searchbox").fill("nothing of the kind")
    window.keyboard.press("Tab")
    window.wait_for_url(re.compile("q=nothing"))
    expect(window.locator("select[name=owner], select[name=source]").first).to_be_focused()


def test_removing_a_filter_keeps_the_focus_at_the_filters(window: Page) -> None:
    window.goto(f"{REPORT}?kind=interact")
    window.locator(".tally-chips a").first.focus()
    window.keyboard.press("Enter")
    window.wait_for_url(lambda url: "kind" not in url)
    expect(window.locator(".tally-report-filters [name=period]")).to_be_focused()


def test_a_custom_period_applies_once_a_day_is_entered(window: Page) -> None:
    window.goto(REPORT)
    window.locator("[name=period]").select_option("custom")
    expect(window.locator("[name=from]")).to_be_visible()
    window.locator("[name=from]").fill("2020-01-01")
    window.wait_for_url(re.compile("from=2020-01-01"))


@pytest.mark.parametrize("path", [REPORT, EVENTS, "/admin/ingestion/rejectedevent/groups/"])
def test_without_scripts_a_button_applies_the_filters(lead: User, visit: Visit, path: str) -> None:
    page = visit(java_script_enabled=False, viewport=DESK)
    log_in(page, lead.username)
    page.goto(path)
    page.locator("[name=period]").select_option("30d")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"period=30d"))
