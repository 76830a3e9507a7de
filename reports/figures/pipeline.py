"""Pipeline: the health of inbox, drain, workers, broker, database and mail, and the backlogs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q

from events.lib.sql import compose, identifier
from events.partitioned.partitions import Week
from events.store.usage import hour_of
from reports.cost.charges import BillingMonth
from reports.figures import inbox
from reports.figures.broker import Broker, broker
from reports.figures.inbox import COUNTED, Filing, Inbox, Use
from reports.filters import Filters
from reports.mail.models import SentMail, State
from reports.query.series import Counts


@dataclass(frozen=True, slots=True)
class Database:
    """PostgreSQL's statistics."""

    size: int  # bytes
    connections: int
    connections_most: int
    longest: float  # age of the longest open transaction, in seconds
    blocked: int  # sessions waiting for a lock


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail waiting to be sent, and mail that failed."""

    waiting: int
    late: float | None  # seconds that the first of them is late
    failed: int  # in the last day


@dataclass(frozen=True, slots=True)
class Backlog:
    """Rows that request a recomputation, each for one key and one block of events."""

    rows: int  # at most COUNTED
    since: datetime | None  # when the oldest of them occurred


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All figures of the page."""

    inbox: Inbox
    filing: Filing
    uses: tuple[Use, ...]  # owners closest to a byte limit
    throughput: dict[str, Counts]  # by what became of events
    broker: Broker
    weeks: tuple[Week, ...]
    weeks_ready: int
    database: Database
    mail: Mail
    sessions: Backlog
    rollups: Backlog
    uncharged: float  # seconds since the hour up to which all organizations are charged


_DATABASE = """
SELECT pg_database_size(current_database()),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int,
       (SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()),
       (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


def pipeline(filters: Filters, now: datetime) -> Pipeline:
    """Return the state of the pipeline and its history. Runs twelve statements and asks the broker once."""
    weeks, ready = inbox.partitions(now)
    return Pipeline(
        inbox=inbox.inbox(now),
        filing=inbox.filing(now),
        uses=inbox.uses(),
        throughput=inbox.throughput(filters, now),
        broker=broker(settings.CELERY_BROKER_URL),
        weeks=weeks,
        weeks_ready=ready,
        database=_database(),
        mail=mail(now),
        sessions=_backlog("events_touchedsession", "since"),
        rollups=_backlog("events_touchedquarter", "quarter"),
        uncharged=uncharged(now),
    )


def _database() -> Database:
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        size, connections, most, longest, blocked = cursor.fetchone()
    return Database(size, connections, most, float(longest), blocked)


def mail(now: datetime) -> Mail:
    """Return mail waiting to be sent and mail that failed, in one statement."""
    due = Q(state=State.CLAIMED, next_at__lte=now)
    failed = Q(state__in=(State.FAILED, State.UNKNOWN), changed_at__gt=now - timedelta(days=1))
    found = SentMail.objects.order_by().aggregate(
        waiting=Count("pk", filter=Q(state=State.CLAIMED)),
        first=Min("next_at", filter=due),
        failed=Count("pk", filter=failed),
    )
    late = (now - found["first"]).total_seconds() if found["first"] else None
    return Mail(found["waiting"], late, found["failed"])


def _backlog(table: str, column: str) -> Backlog:
    with connection.cursor() as cursor:
        cursor.execute(
            compose(
                "SELECT count(*), min({column}) FILTER (WHERE place = 1) FROM (SELECT {column},"
                " row_number() OVER (ORDER BY id) AS place FROM {table} ORDER BY id LIMIT {most}) AS waiting",
                column=identifier(column),
                table=identifier(table),
                most=str(COUNTED),
            )
        )
        return Backlog(*cursor.fetchone())


def uncharged(now: datetime) -> float:
    """Return how many seconds charging is behind, counted from the start of the first uncharged hour.

    The current hour is charged while it runs, so nothing is behind once charging has reached it.
    """
    hour = hour_of(now.astimezone(UTC))
    months = BillingMonth.objects.filter(month=hour.date().replace(day=1), charged_until__isnull=False)
    first = months.aggregate(first=Min("charged_until"))["first"]
    return max(0.0, (hour - first).total_seconds()) if first else 0.0
