"""Pipeline: figures equal plain counts of the tables, and an absent or silent broker is reported."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events.event import Event
from events.lib.formatting import size_text
from events.ownership.owner import Owner
from events.partitioned.partitions import Week, weeks
from events.store.pending import TouchedQuarter, TouchedSession
from events.store.usage import UsageHour
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected.event import RejectedEvent
from reports.cost.charges import BillingMonth
from reports.figures import broker as brokers
from reports.figures import inbox
from reports.figures.broker import ABSENT, NOT_YET, SILENT, Broker, Worker, broker
from reports.figures.inbox import Filing, Inbox, Use
from reports.figures.pipeline import Backlog, Database, Mail, Pipeline, mail, pipeline, uncharged
from reports.mail.models import SentMail, State
from reports.pages.health import pipeline as page
from reports.pages.health.pipeline_checks import CHECKS
from reports.periods import Granularity, preset
from tests.admin.conftest import html_of, many
from tests.reports.asked import ZERO, context, filters
from tests.sending import Sender, file_all, log_event

pytestmark = pytest.mark.django_db
UTC_ZONE = ZoneInfo("UTC")
WELL = Pipeline(
    inbox=Inbox(0, 0, None, 0),
    filing=Filing(100, 0.4, 0.9, 1.2, 5.0, ZERO),
    throughput={"stored": (1,), "duplicates": (0,), "rejected": (0,)},
    uses=(Use("Team A", 10, 100, 20, 100),),
    broker=Broker(version="8", memory=1_000, waiting=0, workers=(Worker("w@h", 2, 7, 60),)),
    weeks=(Week(date(2026, 3, 30), 20, 100, 1_000),),
    weeks_ready=3,
    database=Database(10**9, 10, 100, 0.0, 0),
    mail=Mail(0, None, 0),
    sessions=Backlog(0, None),
    rollups=Backlog(0, None),
    uncharged=0.0,
)


@pytest.fixture
def waiting(sender: Sender) -> datetime:
    """Three requests that have waited up to two minutes, one of which was tried often."""
    now = timezone.now()
    for number in range(3):
        sender.batch(*many(number + 1, f"app {number}"))
    rows = list(InboxRequest.objects.order_by("pk"))
    for place, row in enumerate(rows):
        row.received_at = now - timedelta(seconds=120 - place)
        row.attempts = 3 * (place == 1)
        row.save()
    return now


def test_waiting_requests_are_counted(waiting: datetime) -> None:
    assert inbox.inbox(waiting) == Inbox(requests=3, events=1 + 2 + 3, oldest=120.0, suspects=1)


def test_waiting_requests_are_counted_up_to_a_limit(
    waiting: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "COUNTED", 2)
    found = inbox.inbox(waiting)
    assert (found.requests, found.oldest) == (2, 120.0)


def test_an_empty_inbox_has_no_age() -> None:
    assert inbox.inbox(timezone.now()) == Inbox(0, 0, None, 0)


def test_the_delay_and_rate_of_filing_are_measured(waiting: datetime) -> None:
    file_all()
    now = timezone.now()

    found = inbox.filing(now)

    lags = sorted((event.ingested_at - event.received_at).total_seconds() for event in Event.objects.all())
    assert found.events == len(lags) == 6
    assert found.p50 == pytest.approx((lags[2] + lags[3]) / 2)
    assert found.p99 == pytest.approx(lags[4] + 0.95 * (lags[5] - lags[4]))
    assert found.per_second == pytest.approx(6 / 60)
    later = inbox.filing(now + timedelta(minutes=2))
    assert (later.events, later.per_second) == (6, 0.0)
    assert inbox.filing(now + timedelta(days=2)) == Filing(0, None, None, None, 0.0, None)


def test_a_sample_of_less_than_a_minute_gives_the_rate(
    waiting: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_all()
    monkeypatch.setattr(inbox, "SAMPLED", 3)
    first = min(Event.objects.order_by("-received_at")[:3].values_list("ingested_at", flat=True))
    found = inbox.filing(first + timedelta(seconds=2))
    assert found.events == 3
    assert found.per_second == pytest.approx(3 / 2)


def test_the_latest_events_are_read_by_the_index_on_receipt(waiting: datetime) -> None:
    file_all()
    asked: dict[str, Any] = {
        "now": waiting,
        "minute": waiting,
        "since": waiting - timedelta(days=1),
        "rows": 5,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {inbox._FILED}", asked)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Merge Append" in plan
    assert "Seq Scan" not in plan


def test_throughput_by_bucket_equals_usage(waiting: datetime) -> None:
    file_all()
    now = timezone.now()
    asked = filters(preset("7d", now, UTC_ZONE), Granularity.DAY)
    starts = asked.period.buckets(Granularity.DAY)

    found = inbox.throughput(asked, now)

    for name, values in found.items():
        for place, (start, value) in enumerate(zip(starts, values, strict=True)):
            end = [*starts, asked.period.until][place + 1]
            hours = UsageHour.objects.filter(hour__gte=start, hour__lt=end)
            assert value == sum(getattr(hour, name) for hour in hours)
    assert sum(value or 0 for value in found["stored"]) == 6


def test_partitions_are_read_from_the_catalogue(waiting: datetime) -> None:
    weeks, ready = inbox.partitions(waiting)
    assert weeks[0].begins > weeks[-1].begins
    assert ready == settings.PARTITION_WEEKS_AHEAD
    assert all(week.size > 0 for week in weeks)


def test_backlogs_are_the_pending_rows(waiting: datetime) -> None:
    file_all()
    found = pipeline(filters(preset("7d", waiting, UTC_ZONE)), waiting)
    first = TouchedSession.objects.earliest("pk")
    assert found.sessions == Backlog(TouchedSession.objects.count(), first.since)
    quarter = TouchedQuarter.objects.earliest("pk")
    assert found.rollups == Backlog(TouchedQuarter.objects.count(), quarter.quarter)
    assert found.sessions.rows > 0 < found.rollups.rows


def test_due_and_failed_mails_are_counted() -> None:
    def put(key: str, state: State, minutes: int) -> None:
        at = ZERO - timedelta(minutes=minutes)
        SentMail.objects.create(
            key=key, kind="digest", to="a@b.example", state=state, claimed_at=at, next_at=at, changed_at=at
        )

    put("late", State.CLAIMED, 20)
    put("later", State.CLAIMED, 5)
    put("to come", State.CLAIMED, -30)
    put("failed", State.FAILED, 60)
    put("unknown", State.UNKNOWN, 60)
    put("failed long ago", State.FAILED, 3_000)
    put("sent", State.SENT, 1)
    assert mail(ZERO) == Mail(waiting=3, late=1_200.0, failed=2)


@pytest.mark.parametrize(("hours", "seconds"), [(1, 0.0), (0, 0.0), (-3, 10_800.0), (None, 0.0)])
def test_the_delay_of_charging_is_measured(sender: Sender, hours: int | None, seconds: float) -> None:
    until = None if hours is None else ZERO + timedelta(hours=hours)
    BillingMonth.objects.create(
        organization=sender.key.organization, month=ZERO.date().replace(day=1), currency="EUR",
        charged_until=until,
    )  # fmt: skip
    assert uncharged(ZERO + timedelta(minutes=30)) == seconds


def test_the_broker_reports_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "WITHIN", 10.0)
    monkeypatch.setattr(brokers, "WORKERS", 0.2)
    found = broker(settings.CELERY_BROKER_URL)
    assert (found.fault, found.workers) == ("", ())
    assert found.version
    assert found.memory
    assert found.waiting is not None


def test_an_absent_broker_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "WITHIN", 10.0)
    assert broker(f"redis+socket://{tmp_path}/nobody.sock") == Broker(ABSENT)
    assert broker("amqp://127.0.0.1:1//") == Broker(ABSENT)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_silent_broker_is_reported_after_a_timeout(
    scheme: str, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "WITHIN", 10.0)
    monkeypatch.setattr(brokers, "ANSWERS", 0.2)
    assert broker(f"{scheme}://127.0.0.1:{silent}/").fault in (ABSENT, SILENT)


def test_a_slow_check_does_not_report_the_broker_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event as Gate

    gate, asked = Gate(), []

    def slowly(url: str, note: Callable[[Broker], None]) -> None:
        asked.append(url)
        gate.wait()
        note(Broker(version="8"))
        note(Broker(version="8", workers=(Worker("w@h", 2, 7, 60),)))

    monkeypatch.setattr(brokers, "WITHIN", 0.05)
    monkeypatch.setattr(brokers, "ask", slowly)
    look = brokers._Look()
    assert look.at("one") == look.at("one") == NOT_YET
    assert asked == ["one"], "the second call waits for the first and starts no thread"
    gate.set()
    monkeypatch.setattr(brokers, "WITHIN", 10.0)
    known = look.at("one")
    assert (known.fault, known.version, len(known.workers or ())) == ("", "8", 1)

    gate.clear()
    monkeypatch.setattr(brokers, "WITHIN", 0.05)
    before = look.at("one")
    assert (before.version, before.workers, before.age > 0) == ("8", known.workers, True)
    monkeypatch.setattr(brokers, "FRESH", 0.0)
    assert look.at("one") == NOT_YET
    gate.set()


def test_workers_that_answered_long_ago_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    look = brokers._Look()
    look._note("one", Broker(version="8", workers=(Worker("w@h", 2, 7, 60),)))
    look._note("one", Broker(version="8"))
    assert look._last is not None
    assert len(look._last[1].workers or ()) == 1, "until they have answered again"
    monkeypatch.setattr(brokers, "FRESH", 0.0)
    look._note("one", Broker(version="8"))
    assert look._last[1].workers is None


def test_slow_workers_are_not_reported_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    well = built(WELL, monkeypatch)
    busy = built(replace(WELL, broker=replace(WELL.broker, workers=None)), monkeypatch)
    unknown = built(replace(WELL, broker=NOT_YET), monkeypatch)
    assert well.answer == busy.answer == unknown.answer
    assert busy.block("workers").empty.title == "Workers have not answered yet"


def test_sizes_have_the_same_units_everywhere(operator: Client) -> None:
    size = size_text(sum(week.size for week in weeks()))
    assert size in html_of(operator, "/reports/pipeline/")
    assert size in html_of(operator, reverse("admin:events_partitions"))
    root = Path(__file__).parents[2]
    places = [path for folder in ("events", "ingestion", "reports") for path in (root / folder).rglob("*.py")]
    places += (root / "templates").rglob("*.html")
    assert places
    # Django's filter uses units of 1,024.
    assert [path for path in places if "filesizeformat" in path.read_text()] == []


def built(found: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(page, "pipeline", lambda *_: found)
    return page.build(filters(preset("today", ZERO, UTC_ZONE)), context("pipeline"))


def test_waiting_and_rejected_bytes_are_listed_by_owner(sender: Sender, operator: Client) -> None:
    sender.batch(log_event("1", actor=7))
    file_all()
    sender.batch(log_event("2"))
    Owner.objects.update(max_rejected_bytes=2_000)
    kept, waits = (
        len(bytes(row.body)) + 1_024 for row in (RejectedEvent.objects.get(), InboxRequest.objects.get())
    )
    owner = sender.key.default_owner.name
    assert inbox.uses() == (Use(owner, waits, settings.OWNER_MAX_WAITING_BYTES, kept, 2_000),)
    html = html_of(operator, reverse("reports:pipeline"))
    assert "Bytes by owner" in html
    assert owner in html


def test_a_healthy_pipeline_has_no_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    report = built(WELL, monkeypatch)
    assert report.answer == "Everything works: nothing waits; 95 of 100 events are filed within 0.9 s."
    assert report.attention == ()
    states = report.block("states").table.rows
    assert {row.cells[4] for row in states} == {"well", "not known"}


# For each check, a change that fails it.
BAD: dict[str, dict[str, Any]] = {
    "Requests waiting": {"inbox": Inbox(5_000, 9_000, 3.0, 0)},
    "Age of the oldest request": {"inbox": Inbox(1, 1, 60.0, 0)},
    "Requests tried at least 3 times": {"inbox": Inbox(1, 1, 3.0, 1)},
    "Highest share of an owner's byte limit": {"uses": (Use("Team A", 80, 100, 0, 100),)},
    "Time from receipt to storage, 99th percentile": {"filing": replace(WELL.filing, p99=30.0)},
    "Broker answers": {"broker": Broker(ABSENT)},
    "Tasks waiting": {"broker": replace(WELL.broker, waiting=1_000)},
    "Share of memory used": {"broker": replace(WELL.broker, memory=800, memory_most=1_000)},
    "Responding workers": {"broker": replace(WELL.broker, workers=())},
    "Connections used": {"database": replace(WELL.database, connections=80)},
    "Longest transaction": {"database": replace(WELL.database, longest=300.0)},
    "Sessions waiting for a lock": {"database": replace(WELL.database, blocked=10)},
    "Partitions for coming weeks": {"weeks_ready": 0},
    "Delay of the oldest due mail": {"mail": Mail(1, 900.0, 0)},
    "Mails that failed in the last day": {"mail": Mail(0, None, 1)},
    "Sessions waiting to be summarised": {"sessions": Backlog(50_000, ZERO)},
    "Rollups waiting to be updated": {"rollups": Backlog(20_000, ZERO)},
    "Delay of charging": {"uncharged": 7_200.0},
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.title)
def test_each_check_warns_from_its_limit_on(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = replace(WELL, **BAD[check.title])
    report = built(found, monkeypatch)
    assert len(report.attention) == 1
    assert check.advice in report.attention[0].sentence
    assert report.answer == f"1 value wants attention: {check.part.lower()}."
    states = {row.cells[1]: row.cells[4] for row in report.block("states").table.rows}
    assert [title for title, state in states.items() if state == "wants attention"] == [check.title]


def test_the_worst_warning_comes_first_and_capped_counts_say_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = replace(WELL, sessions=Backlog(inbox.COUNTED, ZERO), broker=Broker(SILENT))
    report = built(found, monkeypatch)
    assert report.attention[0].sentence.startswith(SILENT)
    assert "at least 100 k" in report.attention[1].sentence
    assert report.block("workers").sentence == SILENT


def test_the_owner_nearest_to_its_limit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    uses = (Use("Team A", 80, 100, 0, 100), Use("Team B", 0, 100, 104, 100))
    report = built(replace(WELL, uses=uses), monkeypatch)
    assert report.attention[0].sentence.startswith("Team B uses 104 % of its limit of bytes.")


def test_the_page_refreshes_itself_and_has_a_reload_link_without_scripts(operator: Client) -> None:
    html = html_of(operator, reverse("reports:pipeline"))
    assert f'data-refresh="{page.REFRESH_SECONDS}"' in html
    assert '<noscript><p><a href="">Reload</a></p></noscript>' in html


def test_the_page_says_where_mail_goes(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "mx.example"
    assert built(WELL, monkeypatch).block("states").note == "Mail goes to mx.example."
    settings.EMAIL_BACKEND = "other.Backend"
    assert built(WELL, monkeypatch).block("states").note == "Mail goes through other.Backend."
