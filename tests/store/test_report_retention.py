"""Sessions and rollups outlive their events: what is kept, never recomputed, and how pages explain it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events import removal
from events.accounts.audit import AuditEntry
from events.checks import check_retention
from events.event import Event
from events.identity import milliseconds
from events.ownership.source import UNKNOWN
from events.partitioned.partitions import WEEK
from events.sessions.session import Session
from events.store import retention
from events.store.pending import TouchedQuarter, TouchedSession
from events.tasks import remove_old
from ingestion.erasure import erasing
from ingestion.filing.drain import drain
from ingestion.rejected.event import RejectedEvent
from reports.figures.overview import overview
from reports.periods import Period
from reports.rollups import tasks
from reports.rollups.rollup import rollups
from tests.admin.conftest import operator
from tests.reports.asked import filters
from tests.rollups.recomputed import Rows, dump, fold_due, rebuild
from tests.sending import Sender, log_event
from tests.sessions.stored import file, post, summarise_all, summarise_due
from tests.store.test_removal import BY, CONTEXT, differences, old_week, visit
from tests.store.traces import traces

__all__ = ["operator"]
pytestmark = pytest.mark.django_db(transaction=True)


def person(mid: str, at: datetime, sid: str, actor: str, **more: Any) -> dict[str, Any]:
    context = CONTEXT | {"sid": sid, "did": f"device of {actor}"}
    return log_event(mid, ets=milliseconds(at), context=context, actor={"id": actor, "type": "User"}) | more


@pytest.fixture
def filled(sender: Sender) -> Sender:
    """Sessions of two people in the old week, one that lasts into the next, and one today."""
    week = old_week()
    file(
        sender,
        person("1", week + timedelta(days=2), "old", "ann-4711"),
        person("2", week + timedelta(days=2, minutes=1), "old", "ann-4711"),
        person("3", week + timedelta(days=3), "other", "bob-0815"),
        visit("4", week + timedelta(days=3, hours=1), ""),
        visit("5", week + WEEK - timedelta(minutes=1), "across"),
        visit("6", week + WEEK + timedelta(minutes=1), "across"),
        visit("7", timezone.now(), "new"),
    )
    summarise_due()
    fold_due()
    assert differences() == []
    return sender


def rows() -> dict[str, Rows]:
    """Return all rollups of events."""
    of_events = {rollup.__name__ for rollup in rollups() if not rollup.of_sessions}
    return {name: found for name, found in dump().items() if name in of_events}


def sums(since: datetime, days: int = 7) -> Any:
    return overview(
        filters(Period(since.date(), since.date() + timedelta(days=days), ZoneInfo("UTC"))), since
    ).sums


def remove(*, keep: bool = True) -> None:
    assert removal.remove_week(old_week(), BY, timezone.now(), keep_reports=keep) is not None
    summarise_due()
    fold_due()


def test_figures_remain_when_events_are_removed(filled: Sender) -> None:
    week, before, figures = old_week(), rows(), sums(old_week())
    remove()
    assert Event.objects.occurred_before(week + WEEK).count() == 0
    assert rows() == before, "no rollup of events changes"
    after = sums(week)
    assert (after.events, after.actors, after.devices) == (figures.events, figures.actors, figures.devices)
    assert after.sessions == figures.sessions - 1, "one that reaches beyond is summed up from what is left"
    assert sums(week + WEEK).sessions == 1
    assert set(Session.objects.values_list("session", flat=True)) == {"old", "other", None, "across", "new"}
    assert differences() == []
    assert AuditEntry.objects.get(action="events.removed").after["reports_kept"] is True
    since = f"--since={week:%Y-%m-%d}"  # other tests may have left earlier weeks
    assert "Not compared: rollups of 1 weeks" in command("verify_rollups", since)


def test_the_api_states_since_when_rows_are_kept(filled: Sender, operator: Client) -> None:
    end = old_week() + WEEK
    kept = end.isoformat()

    def said(path: str, **params: Any) -> str | None:
        response = operator.get(f"/api/v1/{path}", params)
        assert response.status_code == 200, response.content
        return response.headers.get("Kept-Since")

    assert said("events/") is None, "nothing was removed yet"
    remove()
    for path in ("events/", "kinds/log/"):
        assert said(path) == kept
        assert said(path, occurred_after=(end - timedelta(days=1)).isoformat()) == kept
        assert said(path, occurred_after=end.isoformat()) is None
        assert said(path, page_size=1) is None, "older ones follow on the next page"
    assert said("events/", ordering="received_at") == kept
    assert said("sessions/") is None, "sessions are kept"
    old, new = (Session.objects.get(session=name) for name in ("old", "new"))
    assert said(f"sessions/{old.pk}/events/") == kept
    assert said(f"sessions/{new.pk}/events/") is None
    retention.note_reports_removed(end)
    assert said("sessions/") == kept


def test_sessions_and_rollups_of_removed_events_are_never_recomputed(filled: Sender) -> None:
    remove()
    before, sessions = rows(), list(Session.objects.order_by("pk").values())
    assert "stay as they are: their events were removed" in command("summarise", "--all")
    summarise_all()
    said = command("rebuild_rollups", f"--since={old_week():%Y-%m-%d}")
    rebuild()
    assert "The events of 1 weeks of owners were removed: their rollups stay as they are" in said
    # As if an old worker or a restored backup had marked them as pending.
    for row in Session.objects.all():
        TouchedSession.objects.create(
            owner_id=row.owner_id, source_id=row.source_id, session=row.session,
            device=None if row.session else row.device, channel=None if row.session else row.channel,
            since=row.started_at, until=row.ended_at,
        )  # fmt: skip
        TouchedQuarter.objects.create(owner_id=row.owner_id, quarter=old_week(), of_sessions=False)
        noon = old_week() + timedelta(days=2)
        TouchedQuarter.objects.create(owner_id=row.owner_id, quarter=noon, of_sessions=False)
        TouchedQuarter.objects.create(owner_id=row.owner_id, quarter=noon, of_sessions=True)
    summarise_due()
    fold_due()
    assert rows() == before
    assert list(Session.objects.order_by("pk").values()) == sessions
    assert differences() == []


def command(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_session_rollups_are_computed_from_sessions_alone(filled: Sender) -> None:
    from reports.rollups.models import Sessions

    Session.objects.update(device_type="mobile", os_name="Android")
    remove()
    rebuild()
    found = Sessions.objects.filter(grain=1440, bucket__lt=old_week() + WEEK)
    assert {(row.device_type, row.os_name) for row in found} == {("mobile", "Android")}


def test_an_event_of_a_removed_week_is_rejected_at_filing(filled: Sender) -> None:
    remove()
    before = rows()
    post(
        filled, "sunbird",
        {"id": "x", "ver": "3.0", "events": [visit("late", old_week() + timedelta(days=2), "old")]},
        milliseconds(timezone.now()),
    )  # fmt: skip
    done = drain()
    assert (done.stored, done.rejected) == (0, 1)
    row = RejectedEvent.objects.get()
    assert (row.code, row.path, row.client_event_id) == ("too_old", "ets", "late")
    assert row.source.name not in (UNKNOWN, "")
    assert f"before {old_week() + WEEK:%Y-%m-%d}" in row.message
    summarise_due()
    fold_due()
    assert rows() == before
    assert differences() == []


def test_a_week_with_pending_work_keeps_its_events(filled: Sender) -> None:
    owner = filled.key.default_owner
    TouchedQuarter.objects.create(owner=owner, quarter=old_week() + timedelta(days=2), of_sessions=False)
    with pytest.raises(removal.Unfinished, match="still has 1 quarters of an hour of rollups to compute"):
        removal.remove_week(old_week(), BY, timezone.now(), keep_reports=True)
    with pytest.raises(CommandError, match=r"to compute.* 0 events \(0 B\) were removed"):
        command("remove_events", f"--before={old_week() + WEEK:%Y-%m-%d}", "--yes", "--keep-reports")
    with pytest.raises(removal.Unfinished, match=r"^Remove the .* before the "):
        removal.remove_week(old_week() + WEEK, BY, timezone.now(), keep_reports=True)
    assert Event.objects.count() == 7
    fold_due()
    remove()


@pytest.mark.parametrize(
    ("events", "reports", "sessions", "figures"),
    [
        (4, 4, 1, 0),  # as long as events
        (4, 0, 5, 5),  # kept for ever
        (4, 12, 5, 5),
        (4, 9, 2, 0),  # some weeks longer, which have passed
        (0, 0, 5, 5),
    ],
)
def test_settings_determine_how_long_data_is_kept(
    filled: Sender, settings: Any, events: int, reports: int, sessions: int, figures: int
) -> None:
    settings.RETENTION_WEEKS, settings.REPORT_RETENTION_WEEKS = events, reports
    for _ in range(2):
        remove_old()
        summarise_due()
        fold_due()
        tasks.remove_old()
    assert Session.objects.filter(session__in=["old", "other", "across", "new"]).count() + (
        Session.objects.filter(session=None).count()
    ) == (sessions if events else 5)
    assert sums(old_week()).events == figures
    assert differences() == []


@pytest.mark.parametrize(
    ("events", "reports", "errors"),
    [(0, 0, []), (4, 4, []), (4, 0, []), (4, 52, []), (4, 3, ["events.E006"]), (0, 52, ["events.E006"]),
     (-1, -1, ["events.E005", "events.E005"]), (4, -1, ["events.E005"])],
)  # fmt: skip
def test_reports_are_kept_at_least_as_long_as_events(
    settings: Any, events: int, reports: int, errors: list[str]
) -> None:
    settings.RETENTION_WEEKS, settings.REPORT_RETENTION_WEEKS = events, reports
    assert [error.id for error in check_retention()] == errors


def test_sessions_and_rollups_are_removed_at_their_own_limit(filled: Sender, settings: Any) -> None:
    settings.RETENTION_WEEKS, settings.REPORT_RETENTION_WEEKS = 2, 20
    remove_old()
    summarise_due()
    fold_due()
    sealed = retention.current().sealed_until
    assert sealed is not None
    assert sealed >= old_week() + 2 * WEEK
    settings.REPORT_RETENTION_WEEKS = 3
    remove_old()
    fold_due()
    tasks.remove_old()
    assert sums(old_week()).events == 0
    assert set(Session.objects.values_list("session", flat=True)) == {"new"}
    for rollup in rollups():
        assert not rollup._default_manager.filter(bucket__lt=old_week() + 2 * WEEK).exists(), rollup
    assert AuditEntry.objects.filter(action="reports.removed").count() == 1
    assert differences() == []


def test_an_erasure_includes_sessions_that_outlived_their_events(filled: Sender) -> None:
    remove()
    week = old_week()
    before = sums(week)
    assert traces(["ann-4711"]), "the session still says who it was"
    owner = filled.key.default_owner
    done = erasing.erase(owner, "ann-4711", BY, timezone.now(), lambda _: None)
    assert done.is_complete
    assert done.sessions == 1
    assert traces(["ann-4711"]) == {}
    after = sums(week)
    assert (after.actors, after.devices) == (before.actors - 1, before.devices - 1)
    assert (after.events, after.sessions) == (before.events, before.sessions - 1)
    assert set(Session.objects.values_list("session", flat=True)) == {"other", None, "across", "new"}
    assert "Rollups agree" in command("verify_rollups")
    assert differences() == []


def searched(query: str) -> dict[str, Any]:
    return {"type": "content", "query": query, "size": 1, "topn": [{}]}


def test_texts_of_rollups_that_name_an_erased_actor_are_redacted(sender: Sender) -> None:
    at = old_week() + timedelta(days=2)
    file(
        sender,
        person("1", at, "s1", "ann-4711", eid="SEARCH", edata=searched("mail of ann-4711")),
        person("2", at, "s2", "bob-0815", eid="SEARCH", edata=searched("mail")),
    )
    summarise_due()
    fold_due()
    remove()
    erasing.erase(sender.key.default_owner, "ann-4711", BY, timezone.now(), lambda _: None)
    assert traces(["ann-4711"]) == {}
    from reports.rollups.models import Searches

    for grain in (15, 60, 1440):
        found = Searches.objects.filter(grain=grain).values_list("query", "searches")
        assert sorted(found) == [("mail", 1), ("mail of (erased)", 1)], grain
    assert "Rollups agree" in command("verify_rollups")


@pytest.fixture
def removed(filled: Sender) -> Iterator[datetime]:
    remove()
    yield old_week() + WEEK
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_retained")


def test_pages_and_lists_say_since_when_events_are_kept(removed: datetime, operator: Client) -> None:
    day = f"{removed.day} {removed:%B %Y}"
    said = f"Single events are kept since {day}; earlier figures come from summaries."
    page = f"/reports/overview/?from={removed - WEEK:%Y-%m-%d}&to={removed - timedelta(days=1):%Y-%m-%d}"
    text = operator.get(page).content.decode()
    assert said in text
    assert "No events" not in text
    assert said in operator.get("/reports/overview/").content.decode(), "in the note, of any period"
    events = reverse("admin:events_event_changelist")
    logs = reverse("admin:events_log_changelist")
    for address in (events, logs):
        inside = f"{address}?since={removed - WEEK:%Y-%m-%dT%H:%M}&until={removed:%Y-%m-%dT%H:%M}"
        text = operator.get(inside).content.decode()
        assert said in text
        assert "These events were removed" in text
        text = operator.get(f"{address}?since={removed - WEEK:%Y-%m-%dT%H:%M}").content.decode()
        assert said in text
        assert "These events were removed" not in text
        assert said not in operator.get(f"{address}?since={removed:%Y-%m-%dT%H:%M}").content.decode()
        assert said in operator.get(address).content.decode(), "at the end of the list"


def test_the_page_of_a_session_says_that_its_events_were_removed(removed: datetime, operator: Client) -> None:
    kept, gone = (Session.objects.get(session=name) for name in ("new", "old"))
    text = operator.get(reverse("admin:events_session_change", args=[gone.pk])).content.decode()
    assert "Its events were removed. Single events are kept since" in text
    assert "First event" not in text
    text = operator.get(reverse("admin:events_session_change", args=[kept.pk])).content.decode()
    assert "Its events were removed" not in text
    assert "First event" in text


def test_sections_of_single_events_say_that_they_were_removed(removed: datetime, operator: Client) -> None:
    first, last = removed - WEEK, removed - timedelta(days=1)
    asked = f"?from={first:%Y-%m-%d}&to={last:%Y-%m-%d}"
    for page, more in (("sessions", "&step=event:log"), ("services", "")):
        text = operator.get(f"/reports/{page}/{asked}{more}").content.decode()
        assert "These events were removed" in text, page
