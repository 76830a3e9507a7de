"""Checks of the pipeline: the limit from which each value needs attention, and what to do then."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.charts.numbers import SECONDS, SHARE, Number, Unit, count
from reports.figures.inbox import COUNTED, SUSPECT
from reports.figures.pipeline import Pipeline
from reports.query.series import ratio

REQUESTS, TASKS, ROWS = count("requests"), count("tasks"), count("rows")
CEILING = "Highest share of an owner's byte limit"
MINUTES, HOURS = 60, 3_600


@dataclass(frozen=True, slots=True)
class Check:
    """A value, the limit from which it needs attention, and a sentence that says what to do."""

    part: str
    title: str
    value: Callable[[Pipeline], Number | None]  # None: not known
    unit: Unit
    limit: Number
    advice: str
    is_least: bool = False  # True if values below the limit need attention, instead of above it
    page: str = ""  # page with details
    urgency: int = 1  # how bad it is: events that can't get through come first

    def fails(self, found: Pipeline) -> bool:
        """True if it needs attention."""
        value = self.value(found)
        if value is None:
            return False
        return value < self.limit if self.is_least else value >= self.limit

    @property
    def bound(self) -> str:
        """Return the limit in words."""
        return f"{'below' if self.is_least else 'from'} {self.unit.short(self.limit)}"


def _answers(found: Pipeline) -> int | None:
    if not found.broker.is_known:
        return None
    return 0 if found.broker.fault else 1


def _workers(found: Pipeline) -> int | None:
    return None if found.broker.workers is None else len(found.broker.workers)


# In the order in which an event passes the pipeline.
CHECKS: tuple[Check, ...] = (
    Check(
        "Inbox",
        "Requests waiting",
        lambda found: found.inbox.requests,
        REQUESTS,
        5_000,
        "Events arrive faster than they are filed. Start more workers, and look for slow statements in the"
        " database.",
        page="ingestion_inboxrequest_changelist",
        urgency=3,
    ),
    Check(
        "Inbox",
        "Age of the oldest request",
        lambda found: found.inbox.oldest or 0.0,
        SECONDS,
        MINUTES,
        "Nothing is lost, but reports are late. Check that a worker and beat are running; their logs say"
        " why if not.",
        page="ingestion_inboxrequest_changelist",
        urgency=4,
    ),
    Check(
        "Inbox",
        f"Requests tried at least {SUSPECT} times",
        lambda found: found.inbox.suspects,
        REQUESTS,
        1,
        "A request keeps failing, so it is now filed separately. If it stays, the worker's log has the"
        " reason.",
        page="ingestion_inboxrequest_changelist",
        urgency=2,
    ),
    Check(
        "Inbox",
        CEILING,
        lambda found: max((use.share for use in found.uses), default=0.0),
        SHARE,
        0.8,
        "At 100 % the owner's requests get 429. See Bytes by owner, and replay or discard events or raise"
        " the limit.",
        urgency=3,
    ),
    Check(
        "Drain",
        "Time from receipt to storage, 99th percentile",
        lambda found: found.filing.p99,
        SECONDS,
        30,
        "Filing is slow. Compare the database's load with docs/explanation/performance.md, then start more"
        " workers.",
        urgency=2,
    ),
    Check(
        "Broker",
        "Broker answers",
        _answers,
        count("brokers"),
        1,
        "Events are accepted and wait in the inbox until the broker is back. Start Valkey, or correct"
        " BROKER_URL.",
        is_least=True,
        urgency=5,
    ),
    Check(
        "Broker",
        "Tasks waiting",
        lambda found: found.broker.waiting,
        TASKS,
        1_000,
        "There are too few workers. Start more.",
        urgency=2,
    ),
    Check(
        "Broker",
        "Share of memory used",
        lambda found: ratio(found.broker.memory, found.broker.memory_most),
        SHARE,
        0.8,
        "The broker refuses tasks when its memory is full. Raise maxmemory.",
    ),
    Check(
        "Workers",
        "Responding workers",
        _workers,
        count("workers"),
        1,
        "Nothing is being filed. Start a worker (`python -m telemetry_project.workers filing=2`).",
        is_least=True,
        urgency=5,
    ),
    Check(
        "Database",
        "Connections used",
        lambda found: ratio(found.database.connections, found.database.connections_most),
        SHARE,
        0.8,
        "Senders get 503 when no connection is left. Raise max_connections, or run fewer processes and"
        " threads.",
        urgency=3,
    ),
    Check(
        "Database",
        "Longest transaction",
        lambda found: found.database.longest,
        SECONDS,
        5 * MINUTES,
        "It prevents VACUUM from removing dead rows. Look for its session in pg_stat_activity.",
    ),
    Check(
        "Database",
        "Sessions waiting for a lock",
        lambda found: found.database.blocked,
        count("sessions"),
        10,
        "A session holds a lock for too long. pg_blocking_pids() shows which one.",
        urgency=2,
    ),
    Check(
        "Partitions",
        "Partitions for coming weeks",
        lambda found: found.weeks_ready,
        count("weeks"),
        1,
        "The drain creates each week on demand, which is slower. Check that beat is running, or run"
        " manage.py prepare.",
        is_least=True,
        page="events_partitions",
    ),
    Check(
        "Mail",
        "Delay of the oldest due mail",
        lambda found: found.mail.late or 0.0,
        SECONDS,
        15 * MINUTES,
        "The mail server can't be reached, or no worker is running. The list of mails shows the server's"
        " responses.",
        page="mail_sentmail_changelist",
    ),
    Check(
        "Mail",
        "Mails that failed in the last day",
        lambda found: found.mail.failed,
        count("mails"),
        1,
        "They won't be retried. The list of mails shows the mail server's responses.",
        page="mail_sentmail_changelist",
    ),
    Check(
        "Sessions",
        "Sessions waiting to be summarised",
        lambda found: found.sessions.rows,
        ROWS,
        50_000,
        "Sessions are behind. They catch up by themselves, faster with more workers.",
    ),
    Check(
        "Rollups",
        "Rollups waiting to be updated",
        lambda found: found.rollups.rows,
        ROWS,
        20_000,
        "Reports are behind. They catch up by themselves, faster with more workers.",
    ),
    Check(
        "Charges",
        "Delay of charging",
        lambda found: found.uncharged,
        SECONDS,
        2 * HOURS,
        "Costs are out of date. Check that beat is running; the worker's log says what can't be charged.",
    ),
)


def failing(found: Pipeline) -> list[Check]:
    """Return the failed checks, worst first."""
    return sorted((check for check in CHECKS if check.fails(found)), key=lambda check: -check.urgency)


def in_words(check: Check, found: Pipeline) -> str:
    """Return a value in words. If counting stopped early, it is a minimum."""
    value = check.value(found)
    if value is None:
        return "not known"
    more = "at least " if check.unit in (REQUESTS, ROWS) and value == COUNTED else ""
    return f"{more}{check.unit.short(value)}"
