"""Pages that refresh themselves replace what changed and keep focus and drawings."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from events.exports.jobs import ExportJob, State
from reports.pages.health.pipeline import REFRESH_SECONDS
from tests.admin.conftest import many
from tests.browser.conftest import Visit, known, log_in
from tests.rejected.conftest import team_a
from tests.sending import Sender, file_all

__all__ = ["team_a"]
PAGE = "/reports/pipeline/"
EXPORT_TURN_MS = 2_100  # see templates/admin/export_page.html
TURN_MS = REFRESH_SECONDS * 1000 + 100
LOOKS = 40


@pytest.fixture
def operator(team_a: Sender) -> User:
    """Olga, an operator of a Tally with events."""
    team_a.batch(*many(3))
    file_all()
    return known("olga", is_superuser=True)


@pytest.fixture
def window(operator: User, visit: Visit) -> Page:
    """The pipeline page, with a clock that the test controls."""
    page = visit(viewport={"width": 1440, "height": 900})
    log_in(page, operator.username)
    page.clock.install(time=timezone.now())
    page.goto(PAGE)
    expect(page.locator("#throughput svg").first).to_be_visible()
    return page


def turn(page: Page) -> None:
    """Let the page refresh once."""
    with page.expect_response(lambda response: PAGE in response.url):
        page.clock.run_for(TURN_MS)


def until_workers_are_missed(page: Page) -> None:
    """Refresh until the page warns that no worker runs, since workers have some seconds to respond."""
    for _ in range(LOOKS):
        turn(page)
        if page.locator(".tally-attentions").count():
            return
        time.sleep(0.5)
    pytest.fail("The page never warns that no worker runs")


def test_a_refresh_replaces_only_what_changed(window: Page, team_a: Sender) -> None:
    waiting = window.locator(".tally-card").first
    expect(waiting).to_contain_text("0 events")
    waiting.focus()
    window.locator("[name=zone]").evaluate("field => { field.value = 'Asia/' }")
    window.evaluate("document.querySelector('#throughput svg').dataset.drawn = 'once'")
    team_a.batch(*many(2))

    turn(window)

    expect(waiting).to_contain_text("2 events")
    expect(waiting).to_be_focused()
    expect(window.locator("[name=zone]")).to_have_value("Asia/")
    expect(window.locator("#throughput svg[data-drawn=once]")).to_have_count(1)


def test_a_new_warning_keeps_drawings_and_focus(window: Page, team_a: Sender) -> None:
    until_workers_are_missed(window)
    window.evaluate("document.querySelector('.tally-attentions').remove()")
    window.evaluate("document.querySelector('#throughput svg').dataset.drawn = 'once'")
    window.locator("#throughput summary").focus()

    turn(window)

    expect(window.locator(".tally-attentions")).to_have_count(1)
    expect(window.locator("#throughput svg[data-drawn=once]")).to_have_count(1)
    expect(window.locator("#throughput summary")).to_be_focused()
    assert window.evaluate("document.querySelector('.tally-attentions').nextElementSibling.className") == (
        "tally-cards tally-report-cards"
    )


def test_a_hidden_tab_does_not_refresh(window: Page) -> None:
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")

    window.clock.run_for(3 * TURN_MS)

    assert asked == []
    with window.expect_response(lambda response: PAGE in response.url):
        window.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")


def test_without_scripts_there_is_a_reload_link(operator: User, visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    log_in(page, operator.username)
    page.goto(f"{PAGE}?period=30d")
    with page.expect_navigation():
        page.get_by_role("link", name="Reload").click()
    assert page.url.endswith("?period=30d")


def running_export(user: User) -> ExportJob:
    """Create a running export."""
    now = timezone.now()
    return ExportJob.objects.create(
        user=user,
        model="events.event",
        form="csv",
        name="events.csv",
        file="events.csv",
        state=State.RUNNING,
        rows=1_000,
        created_at=now,
        updated_at=now,
    )


def export_turn(page: Page) -> None:
    """Let the page of an export refresh once."""
    with page.expect_response(lambda response: "/exportjob/" in response.url):
        page.clock.run_for(EXPORT_TURN_MS)


def test_an_export_in_progress_updates_without_reloading(operator: User, visit: Visit) -> None:
    job = running_export(operator)
    page = visit(viewport={"width": 1440, "height": 900})
    log_in(page, operator.username)
    page.clock.install(time=timezone.now())
    page.goto(f"/admin/events/exportjob/{job.pk}/change/")
    page.evaluate("window.isSameDocument = true")
    page.get_by_role("button", name="Cancel", exact=True).focus()
    page.evaluate("document.querySelector('.tally-acts').dataset.drawn = 'once'")

    ExportJob.objects.filter(pk=job.pk).update(rows=2_000)
    export_turn(page)

    expect(page.locator("main h2")).to_contain_text("2,000 events")
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    expect(page.locator(".tally-acts[data-drawn=once]")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("")

    now = timezone.now()
    ExportJob.objects.filter(pk=job.pk).update(
        state=State.DONE, finished_at=now, expires_at=now + timedelta(days=1)
    )
    export_turn(page)

    expect(page.locator("main h2")).to_contain_text("Ready: 2,000 events")
    expect(page.get_by_role("link", name="Download")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("Ready: 2,000 events")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert page.evaluate("window.isSameDocument")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(3 * EXPORT_TURN_MS)
    assert asked == []


def test_without_scripts_the_export_page_reloads(operator: User, visit: Visit) -> None:
    job = running_export(operator)
    page = visit(java_script_enabled=False)
    log_in(page, operator.username)
    page.goto(f"/admin/events/exportjob/{job.pk}/change/")
    ExportJob.objects.filter(pk=job.pk).update(rows=2_000)
    expect(page.locator("main h2")).to_contain_text("2,000 events")
