"""Touched sessions: which sessions the summaries must be computed again for.

Rows are only ever added here and removed by the summariser. No upsert: an insert that finds a row which the
summariser is just removing would be lost with it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import models

from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.copying import Table


class TouchedSession(models.Model):
    """A session, or a device without session ids, that events were filed for."""

    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    session = models.TextField(null=True)
    device = models.TextField(null=True, help_text="Where there is no session id.")
    channel = models.TextField(null=True, help_text="Where there is no session id.")
    since = models.DateTimeField(help_text="When the earliest of the events occurred.")
    until = models.DateTimeField(help_text="When the latest of the events occurred.")

    def __str__(self) -> str:
        return self.session or self.device or ""


class SessionKey(NamedTuple):
    """What tells sessions apart."""

    owner_id: int
    source_id: int
    session: str | None
    device: str | None
    channel: str | None


def session_key(owner_id: int, source_id: int, envelope: dict[str, str | None]) -> SessionKey | None:
    """The session of an event: by its id, else by device and channel; None for an event without either."""
    session = envelope.get("session")
    if session:
        return SessionKey(owner_id, source_id, session, None, None)
    device = envelope.get("device")
    if device:
        return SessionKey(owner_id, source_id, None, device, envelope.get("channel"))
    return None


Span = tuple[datetime, datetime]


def widen(spans: dict[SessionKey, Span], key: SessionKey, occurred_at: datetime) -> None:
    """Let the span of a session reach `occurred_at`."""
    since, until = spans.get(key, (occurred_at, occurred_at))
    spans[key] = (min(since, occurred_at), max(until, occurred_at))


def mark(spans: Iterable[tuple[SessionKey, Span]]) -> None:
    """Add the touched sessions of a block."""
    TABLE.copy({**key._asdict(), "since": since, "until": until} for key, (since, until) in spans)


TABLE = Table(TouchedSession)
