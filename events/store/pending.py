"""Pending work: sessions to summarise again, and quarters of an hour to aggregate into rollups.

Filing adds rows, and the workers that process them delete them. Rows are never updated: an upsert of a row
that is just being deleted would be lost with it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from events.event import Event
from events.identity import milliseconds, moment, occurred_ms
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.copying import Table


class TouchedSession(models.Model):
    """One row per block and session key with new events, pending until the session is summarised."""

    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    session = models.TextField(null=True)
    device = models.TextField(null=True, help_text="Only without a session ID.")
    channel = models.TextField(null=True, help_text="Only without a session ID.")
    since = models.DateTimeField(help_text="Time of occurrence of the earliest event.")
    until = models.DateTimeField(help_text="Time of occurrence of the latest event.")

    def __str__(self) -> str:
        return self.session or self.device or ""


class SessionKey(NamedTuple):
    """The key of a session: events with the same key belong to it."""

    owner_id: int
    source_id: int
    session: str | None
    device: str | None
    channel: str | None


def session_key(
    owner_id: int, source_id: int, session: str | None, device: str | None, channel: str | None
) -> SessionKey | None:
    """Return the key of an event: its session id, else its device and channel; None without either."""
    if session:
        return SessionKey(owner_id, source_id, session, None, None)
    if device:
        return SessionKey(owner_id, source_id, None, device, channel)
    return None


def key_of(event: "SessionEvent") -> SessionKey | None:
    """Return the session key of an event in the columns of the event table."""
    return session_key(event.owner_id, event.source_id, event.session, event.device, event.channel)


class SessionEvent(Protocol):
    """The columns of an event that decide to which session it belongs."""

    owner_id: int
    source_id: int
    session: str | None
    device: str | None
    channel: str | None


Span = tuple[datetime, datetime]


def extend_span(spans: dict[SessionKey, Span], key: SessionKey, occurred_at: datetime) -> None:
    """Extend the span of a session to `occurred_at`."""
    since, until = spans.get(key, (occurred_at, occurred_at))
    spans[key] = (min(since, occurred_at), max(until, occurred_at))


def add_sessions(spans: Iterable[tuple[SessionKey, Span]]) -> None:
    """Queue the sessions of a block."""
    SESSIONS.copy({**key._asdict(), "since": since, "until": until} for key, (since, until) in spans)


SESSIONS = Table(TouchedSession)


class TouchedQuarter(models.Model):
    """One row per quarter of an hour of an owner whose events, or sessions that began in it, have changed."""

    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    quarter = models.DateTimeField(help_text="Start of the period.")
    of_sessions = models.BooleanField(
        help_text="Whether sessions started in it. Otherwise events occurred in it."
    )
    marked_at = models.DateTimeField(db_default=Now(), help_text="When it became pending.")

    def __str__(self) -> str:
        return f"{self.owner_id} {self.quarter:%Y-%m-%d %H:%M}"


QUARTER_MS = 900_000

Quarter = tuple[int, int]  # owner and number of the quarter, counted from 1970


def quarter_of(event: int) -> int:
    """Return the number of the quarter in an event id."""
    return occurred_ms(event) // QUARTER_MS


def quarter_at(at: datetime) -> int:
    """Return the number of the quarter of a time."""
    return milliseconds(at) // QUARTER_MS


def add_quarters(quarters: Collection[Quarter], *, of_sessions: bool) -> None:
    """Queue the quarters of a block."""
    if not quarters:
        return
    now = timezone.now()
    QUARTERS.copy(
        {
            "owner_id": owner,
            "quarter": moment(number * QUARTER_MS),
            "of_sessions": of_sessions,
            "marked_at": now,
        }
        for owner, number in quarters
    )


QUARTERS = Table(TouchedQuarter)


def requeue(events: Iterable[Event]) -> None:
    """Queue the sessions of changed or removed events, and the rollups of their quarters.

    Summarising a session queues the quarter that it began in.
    """
    spans: dict[SessionKey, Span] = {}
    quarters: set[Quarter] = set()
    for event in events:
        quarters.add((event.owner_id, quarter_of(event.id.int)))
        if key := key_of(event):
            extend_span(spans, key, event.occurred_at)
    add_sessions(spans.items())
    add_quarters(quarters, of_sessions=False)
