"""Lists and tables at the width of a phone: rows are cards, and nothing is cut off at the side."""

from copy import deepcopy
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from events.kinds import KINDS
from events.ownership import provisioning
from events.ownership.api_key import KeyType
from tests.browser.conftest import Visit, known, log_in
from tests.browser.screenshots import USERNAME, pages, post
from tests.rejected.conftest import team_a
from tests.sending import AVAILITY, EMIT, MakeSender, Sender, file_all, now_ms
from tests.wire import samples

__all__ = ["team_a"]
PHONE = {"width": 390, "height": 844}
EVENTS = 50  # per page of a list
MOST = 4_000  # pixels for the whole page
LEFT_OUT = ", ".join(
    f".tally-walk.model-event .field-{name}" for name in ("actor", "session", "dialect")
)  # columns of the list of all events that are only on the page of an event

# Cells of tables and lists that are hidden, or that overlap the next one or the edge of the window.
OUT_OF_SIGHT = """(leftOut) => {
    document.querySelectorAll("details.tally-twin").forEach((details) => { details.open = true; });
    const tables = "table:not(.result-list, .calendarbox *) tbody tr, .result-list tr.data-row";
    const rows = [...document.querySelectorAll(tables)];
    const isWanted = (cell) => cell.textContent.trim() && !cell.matches(leftOut)
        && !cell.querySelector(":scope > .tally-none:only-child");
    const isCut = (cell) => getComputedStyle(cell).textOverflow === "ellipsis"
        && cell.getBoundingClientRect().right <= window.innerWidth;
    const isOut = (cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        const {left, right, width} = range.getBoundingClientRect();
        const edge = Math.min(cell.getBoundingClientRect().right + 1, window.innerWidth);
        const isBeyond = left < 0 || right > edge;
        return !cell.checkVisibility() || width === 0 || (isBeyond && !isCut(cell));
    };
    return rows.flatMap((row) => [...row.cells]).filter((cell) => isWanted(cell) && isOut(cell))
        .map((cell) => `${cell.dataset.label || cell.tagName}: ${cell.textContent.trim()}`);
}"""


@pytest.fixture
def phone(visit: Visit) -> Page:
    """A window of a phone's size, with an operator logged in."""
    known(USERNAME, is_superuser=True)
    page = visit(viewport=PHONE)
    log_in(page, USERNAME)
    return page


def test_all_columns_of_tables_and_lists_are_visible(phone: Page, url: str) -> None:
    key = provisioning.key(
        organization_slug="screenshots", owner_name="Screenshots", kind=KeyType.SECRET, owners="all"
    )
    post(url, key.text)
    found = {}
    for name, path in (pages() | {"formats": "/reference/formats/"}).items():
        if name not in ("api-docs", "api-problems"):
            phone.goto(path, wait_until="domcontentloaded")
            assert phone.locator("main").count() == 1, name
            found[name] = phone.evaluate(OUT_OF_SIGHT, LEFT_OUT)
            if phone.evaluate("document.querySelector('.tally-page')?.scrollWidth > innerWidth"):
                found[name].append("the page itself")
    assert {name: cells for name, cells in found.items() if cells} == {}


def event(kind: str, number: int) -> Any:
    """Return an event with all columns, some with more text than fits on a line."""
    found = deepcopy(samples.complete(kind, ms=now_ms() - 1000 * number, mid=f"{kind}:{number}"))
    found["context"]["pdata"]["id"] = f"a-portal-with-a-long-name-{number % 2}" + "-and-more" * (number % 3)
    found["actor"]["id"] = "somebody@" + "example." * 5 + "com"
    if kind == "error":
        found["edata"]["stacktrace"] = "TypeError: can't read 'pages' of undefined\n  at pay()\n" * 9
    return found


def test_fifty_events_are_compact_and_summarised(team_a: Sender, phone: Page) -> None:
    kinds = ("interact", "error", "impression", "log", "search")
    team_a.batch(*(event(kinds[number % len(kinds)], number) for number in range(EVENTS)))
    file_all()
    phone.goto("/admin/events/event/")
    rows = phone.locator("#result_list tr.data-row")
    expect(rows).to_have_count(EVENTS)
    assert phone.evaluate("document.documentElement.scrollHeight") < MOST
    for place, kind in enumerate(kinds):
        row = rows.nth(place)
        expect(row.locator("th time")).to_be_visible()
        expect(row.locator(".field-kind")).to_have_text(kind)
        expect(row.locator(".field-happened")).to_be_visible()
        expect(row.locator(".field-source")).to_be_visible()
    expect(rows.nth(1).locator(".field-happened")).to_contain_text("can't read 'pages' of undefined")


def send_fifty(sender: Sender, kind: str) -> None:
    """Send a page full of events of a kind, each with all columns."""
    if kind in samples.SUNBIRD:
        sender.batch(*(event(kind, number) for number in range(EVENTS)))
        return
    for number in range(EVENTS):
        if kind == "ui_action":
            assert sender.post(AVAILITY, samples.complete(kind)).status_code == 201
        else:
            ms = now_ms() - 1000 * number
            body = samples.complete(kind, ms=ms, mid=f"build4711{number:07}")
            assert sender.post(EMIT, body).status_code < 300


def test_fifty_events_of_any_kind_are_compact(make_sender: MakeSender, phone: Page) -> None:
    sender = make_sender("Eligibility Team")
    for kind in KINDS:
        send_fifty(sender, kind)
    file_all()
    heights = {}
    for kind, entry in KINDS.items():
        phone.goto(f"/admin/events/{entry.model._meta.model_name}/")
        expect(phone.locator("#result_list tr.data-row")).to_have_count(EVENTS)
        heights[kind] = phone.evaluate("document.documentElement.scrollHeight")
    assert {kind: height for kind, height in heights.items() if height >= MOST} == {}
