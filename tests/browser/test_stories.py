"""Typical uses in a browser: finding an event, creating a key, fixing rejected events, access denied."""

import json
import re

import pytest
from django.contrib.auth.models import User
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Locator, Page, expect

from events.event import Event
from events.ownership import senders
from events.ownership.owner import Role
from events.sessions.session import Session
from events.store.details import as_wire
from ingestion.tasks import replay
from tests.admin.conftest import page_of
from tests.admin.visits import address, failure, touch, view, visited
from tests.browser.conftest import PASSWORD, Visit, known, log_in
from tests.browser.keyboard import tab_to
from tests.rejected.conftest import refused, set_validation, strict_fault, team_a
from tests.sending import SUNBIRD, Sender, file_all, log_event
from tests.serving import post

__all__ = ["team_a"]

VISIT = (view(0, "home"), touch(3.5), view(10, "search"), failure(11))
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def lead(team_a: Sender) -> User:
    """Lena, the lead of team A."""
    return known("lena", team_a.key.default_owner, role=Role.LEAD)


@pytest.fixture
def window(lead: User, visit: Visit) -> Page:
    """A browser window in which the lead is logged in."""
    page = visit(permissions=CLIPBOARD)
    log_in(page, lead.username)
    return page


def go(page: Page, name: str) -> None:
    """Open a page by the navigation."""
    page.locator("#nav-sidebar").get_by_role("link", name=name, exact=True).click()


def expect_rows(page: Page, count: int) -> None:
    """Check the number of rows in the list."""
    expect(page.locator("#result_list tbody tr")).to_have_count(count)


def sentence(page: Page) -> Locator:
    """Return the headline of the page."""
    return page.locator("main h2").first


def test_a_lead_finds_an_event_and_copies_its_json(team_a: Sender, window: Page) -> None:
    visited(team_a, *VISIT)
    go(window, "Events")
    expect_rows(window, len(VISIT))

    window.get_by_label("Kind").select_option("interact")
    expect(window.get_by_role("list", name="Filters in force")).to_contain_text("interact")
    expect(window).to_have_url(re.compile(r"\?kind=interact$"))  # without empty filters
    expect_rows(window, 1)

    window.locator("#result_list tbody th a").click()
    expect(sentence(window)).to_contain_text("INTERACT (TOUCH)")
    window.get_by_text("As sent (JSON)").click()
    window.get_by_role("button", name="Copy", exact=True).click()
    expect(window.get_by_role("status")).to_have_text("Copied")
    copied = json.loads(window.evaluate("navigator.clipboard.readText()"))
    event = Event.objects.get(kind="interact")
    assert copied == as_wire(event)


def test_a_lead_goes_through_a_session_by_keyboard(team_a: Sender, window: Page) -> None:
    session = visited(team_a, *VISIT)
    first, second, *_ = session.timeline()
    window.goto(page_of(second))

    for name, wanted in (
        ("Previous event", page_of(first)),
        ("Next event", page_of(second)),
        ("Session: ", address(session)),
    ):
        tab_to(window, name)
        window.keyboard.press("Enter")
        window.wait_for_url(f"**{wanted}")


def test_a_lead_creates_a_key_and_posts_with_it(team_a: Sender, window: Page, url: str) -> None:
    go(window, "API keys")
    window.get_by_role("link", name=re.compile(r"\badd\b", re.IGNORECASE)).first.click()
    window.fill("[name=name]", "portal")
    window.select_option("[name=type]", "secret")
    window.select_option("[name=default_owner]", str(team_a.key.default_owner_id))
    window.get_by_role("button", name="Save", exact=True).click()
    key = window.locator(".tally-secret").inner_text()

    body = json.dumps({"events": [log_event("LOG:by-the-new-key")]}).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    assert post(url + SUNBIRD, body, headers)[0] == 200
    file_all()

    go(window, "Events")
    expect_rows(window, 1)
    go(window, "API keys")
    assert key not in window.content(), "a key is shown once"


def test_a_lead_fixes_a_cause_and_replays_rejected_events(team_a: Sender, window: Page) -> None:
    set_validation(team_a, "strict")
    refused(team_a, strict_fault("LOG:1"), strict_fault("LOG:2"))
    go(window, "Rejected")
    expect(sentence(window)).to_contain_text("2 events were rejected in the last 7 days")

    go(window, "Owners")
    window.get_by_role("link", name="Team A").click()
    window.select_option("[name=validation]", "lenient")
    window.get_by_role("button", name="Save", exact=True).click()
    expect(window.locator("#result_list")).to_contain_text("enient")

    go(window, "Rejected")
    window.locator(".tally-group-head a").click()
    expect_rows(window, 2)
    window.get_by_role("button", name="Replay all that match").click()
    expect(sentence(window)).to_contain_text("2 rejected events wait")
    senders.forget()  # other processes do so within ten seconds
    replay()
    # The page refreshes itself.
    expect(sentence(window)).to_contain_text("2 stored")

    go(window, "Events")
    expect_rows(window, 2)
    go(window, "Rejected")
    expect(window.get_by_role("heading", name="No rejected events")).to_be_visible()


def test_a_stranger_is_denied_and_told_whom_to_ask(team_a: Sender, visit: Visit) -> None:
    session: Session = visited(team_a, *VISIT)
    (row,) = refused(team_a)
    known("charlie")
    page = visit()
    log_in(page, "charlie")
    expect(page.locator("main")).to_contain_text("Ask your team's lead or an operator")
    assert page.locator("#nav-sidebar-apps a").all_inner_texts() == ["monitoring\nOverview"]
    for path in (
        "/admin/events/event/",
        "/admin/events/interact/",
        "/admin/events/session/",
        "/admin/events/owner/",
        "/admin/events/membership/",
        "/admin/events/source/",
        "/admin/events/apikey/",
        "/admin/events/apikey/add/",
        "/admin/accounts/auditentry/",
        "/admin/ingestion/rejectedevent/",
        "/admin/ingestion/rejectedevent/groups/",
        "/admin/ingestion/rejectedevent/accounts/",
        "/admin/ingestion/replayjob/",
        "/admin/ingestion/inboxrequest/",
        page_of(session.timeline()[0]),
        address(session),
        f"/admin/ingestion/rejectedevent/{row.pk}/change/",
    ):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 403, path
        expect(page.locator("main")).to_contain_text("Ask the lead of your team, or an operator")
        assert "u1" not in page.locator("main").inner_text(), path


def test_a_second_factor_is_required_at_login(visit: Visit) -> None:
    olga = known("olga", is_superuser=True)
    page = visit()
    log_in(page, "olga")
    page.goto("/admin/second-factor/")
    device = TOTPDevice.objects.get(user=olga)
    page.fill("[name=code]", f"{totp(device.bin_key):06d}")
    page.get_by_role("button", name="Set it up").click()
    codes = page.get_by_label("Recovery codes").inner_text().split()
    page.get_by_role("link", name="I have kept them").click()

    other = visit()
    other.goto("/admin/login/?next=/admin/events/event/")
    other.fill("[name=username]", "olga")
    other.fill("[name=password]", PASSWORD)
    other.click("[type=submit]")
    expect(other.get_by_text("Give the code that your authenticator app shows now")).to_be_visible()
    other.goto("/admin/events/owner/")
    assert "/second-factor/check/" in other.url, "nothing goes before the code"
    other.fill("[name=code]", codes[0])
    other.get_by_role("button", name="Go on").click()
    other.wait_for_url("**/admin/events/owner/")
