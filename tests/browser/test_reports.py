"""Using a report page: from chart to table to events, kept filters, with the keyboard, without scripts."""

import re
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from events.ownership.owner import Role
from tests.admin.visits import failure, touch, view, visited
from tests.browser.conftest import Visit, known, log_in
from tests.browser.keyboard import follows, round_of
from tests.rejected.conftest import team_a
from tests.rollups.recomputed import fold_due
from tests.sending import Sender, file_all, now_ms
from tests.wire import samples

__all__ = ["team_a"]

VISIT = (view(0, "home"), touch(3.5), touch(4), view(10, "search"), failure(11))
PAGE = "/reports/overview/"
DESK = {"width": 1440, "height": 900}


@pytest.fixture
def lead(team_a: Sender) -> User:
    """Lena, the lead of team A, which has a visit."""
    visited(team_a, *VISIT)
    fold_due()
    return known("lena", team_a.key.default_owner, role=Role.LEAD)


@pytest.fixture
def window(lead: User, visit: Visit) -> Page:
    """A window in which the lead is logged in."""
    page = visit(viewport=DESK)
    log_in(page, lead.username)
    return page


def bar_of(page: Page, kind: str) -> tuple[float, float]:
    """Return the centre of a kind's bar in the last bucket."""
    fill = page.evaluate(
        """(kind) => {
            const spec = JSON.parse(document.getElementById("kinds-spec").textContent);
            const {hue} = spec.series.find(({name}) => name === kind);
            return getComputedStyle(document.documentElement).getPropertyValue(`--tally-hue-${hue}`).trim();
        }""",
        kind,
    )
    shapes = page.locator(f"#kinds .tally-chart svg path[fill='{fill}' i]")
    box = max((shape.bounding_box() for shape in shapes.all()), key=lambda box: box["height"] if box else 0)
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_clicking_a_bar_filters_and_a_number_links_to_its_events(window: Page) -> None:
    window.locator("#nav-sidebar").get_by_role("link", name="At a glance").click()
    expect(window.locator("main h2").first).to_contain_text("5 events in the last 7 days")
    expect(window.locator("#kinds .tally-chart svg")).to_be_visible()
    window.mouse.click(*bar_of(window, "interact"))
    window.wait_for_url(re.compile(r"kind=interact"))
    expect(window.locator("main h2").first).to_contain_text("2 events")
    expect(window.get_by_role("list", name="Filters in force")).to_contain_text("interact (1 of 19 kinds)")

    window.locator("#sources tbody td a").first.click()
    expect(window.locator("#result_list tbody tr")).to_have_count(2)
    window.go_back()
    expect(window.locator("main h2").first).to_contain_text("2 events")
    window.go_back()
    expect(window.locator("main h2").first).to_contain_text("5 events")


def test_a_row_opens_its_link_and_arrow_keys_move_between_rows(window: Page) -> None:
    window.goto("/reports/sessions/")
    window.locator("#devices tbody tr td").nth(1).click()
    window.wait_for_url(re.compile(r"among=device"))

    window.goto(PAGE)
    window.locator("#kinds summary").click()
    days = window.locator("#kinds tbody th a")
    days.first.focus()
    window.keyboard.press("ArrowDown")
    expect(days.nth(1)).to_be_focused()
    window.keyboard.press("ArrowUp")
    window.keyboard.press("ArrowUp")
    expect(days.first).to_be_focused()
    window.keyboard.press("Enter")
    window.wait_for_url(re.compile(r"from=.*to="))
    window.locator("#nav-sidebar").get_by_role("link", name="Errors").click()
    window.wait_for_url(re.compile(r"errors/\?from=.*to="))


def test_tooltips_of_bars_equal_the_table(window: Page) -> None:
    window.goto(f"{PAGE}?period=7d&zone=Asia/Kathmandu")
    window.mouse.move(*bar_of(window, "interact"))
    hover = window.locator(".tally-hover")
    expect(hover).to_contain_text("2 events")
    expect(hover).to_contain_text("18:15 UTC")  # midnight in Kathmandu
    window.locator("#kinds summary").click()
    expect(window.locator("#kinds tbody tr").first).to_contain_text("2")


def test_a_bookmark_keeps_filters_and_the_zone_is_remembered(window: Page, visit: Visit, lead: User) -> None:
    window.goto(PAGE)
    window.locator("[name=period]").select_option("30d")
    window.wait_for_url(re.compile("period=30d"))
    window.locator("[name=compare]").select_option("year")
    window.wait_for_url(re.compile("compare=year"))
    window.get_by_label("Time zone").fill("Europe/Berlin")
    window.get_by_label("Time zone").press("Enter")
    window.wait_for_url(re.compile("zone=Europe%2FBerlin"))
    window.locator(".tally-pick", has_text="Kind").locator("summary").click()
    window.get_by_role("checkbox", name="error").check()
    window.wait_for_url(re.compile("kind=error"))
    window.keyboard.press("Escape")
    expect(window.get_by_role("checkbox", name="error")).to_be_hidden()
    expect(window.locator("main h2").first).to_contain_text("1 event in the last 30 days")

    other = visit(viewport=DESK)
    log_in(other, lead.username)
    other.goto(window.url)
    expect(other.locator("main h2").first).to_contain_text(
        "1 event in the last 30 days, none on the same days a year ago"
    )
    other.goto(PAGE)
    expect(other.get_by_label("Time zone")).to_have_value("Europe/Berlin")


def test_tab_follows_the_reading_order_and_the_focus_is_visible(window: Page) -> None:
    window.goto(PAGE)
    stops = round_of(window)
    halves = window.locator(".tally-block-half").first.bounding_box()
    assert halves
    # Of tables side by side, the left one comes first.
    content = [each for each in stops if each.area == "main" and each.top < halves["y"]]
    assert len(content) > 10
    assert [(a, b) for a, b in pairwise(content) if not follows(a, b)] == []
    assert [each.name for each in stops if not each.is_seen] == []


def test_without_scripts_tables_are_open_and_filters_work(lead: User, visit: Visit) -> None:
    page = visit(java_script_enabled=False, viewport=DESK)
    log_in(page, lead.username)
    page.goto(PAGE)
    expect(page.locator("#kinds tbody tr").first).to_be_visible()
    page.locator("[name=period]").select_option("30d")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"period=30d"))
    expect(page.locator("#kinds tbody tr").first).to_be_visible()


def test_tables_of_data_quality_fit_their_sections(team_a: Sender, visit: Visit) -> None:
    visited(team_a, *VISIT)
    event = samples.complete("assess", ms=now_ms())
    event["edata"] |= {"pass": "perhaps, or perhaps not", "score": 70}
    event["context"]["pdata"]["id"] = "eligibility_and_benefits.production.example"
    team_a.batch(event)
    file_all()
    fold_due()
    known("olga", is_superuser=True)
    page = visit(viewport=DESK)
    log_in(page, "olga")
    page.goto("/reports/quality/")
    expect(page.get_by_role("region", name="Warnings, by field, table")).to_contain_text("perhaps")
    wide = "tables => tables.filter(each => each.scrollWidth > each.clientWidth).map(each => each.ariaLabel)"
    assert page.locator(".tally-report-table").evaluate_all(wide) == []
