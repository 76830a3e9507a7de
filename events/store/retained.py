"""Retained: since when single events are kept, and the sessions and rollups made from them.

Sessions and rollups may be kept for longer than their events. Such time is sealed: it can't be computed
again, so nothing that computes touches it, and no event is filed into it.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection, models

# The end of the sealed time, as SQL; NULL where nothing is sealed.
SEALED_UNTIL = (
    "(SELECT max(sealed_until) FROM events_retained"
    " WHERE reports_since IS NULL OR reports_since < sealed_until)"
)
# The same, before any time where nothing is.
COMPUTED_SINCE = f"coalesce({SEALED_UNTIL}, '-infinity'::timestamptz)"


class Retained(models.Model):
    """The one row that says since when events, sessions and rollups are kept."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    events_since = models.DateTimeField(null=True, help_text="Events from before were removed.")
    sealed_until = models.DateTimeField(
        null=True, help_text="The end of the last week whose sessions and rollups outlived its events."
    )
    reports_since = models.DateTimeField(null=True, help_text="Sessions and rollups from before are gone.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="retained_once")]

    def __str__(self) -> str:
        return f"events since {self.events_since}, reports since {self.reports_since}"


class Since(NamedTuple):
    """Since when events, and sessions and rollups, are kept; None where nothing was removed."""

    events: datetime | None = None
    sealed: datetime | None = None
    reports: datetime | None = None

    @property
    def sealed_until(self) -> datetime | None:
        """The end of the sealed time; None where nothing is sealed."""
        return self.sealed if self.sealed and (not self.reports or self.reports < self.sealed) else None

    @property
    def sentence(self) -> str:
        """Return a sentence about since when single events are kept; empty if none were removed."""
        if self.events is None:
            return ""
        said = f"Single events are kept since {_day(self.events)}"
        if self.sealed_until is None:
            return f"{said}; figures from before were removed with them."
        if self.reports is None:
            return f"{said}; figures before that come from summaries."
        return f"{said}; figures before that come from summaries, kept since {_day(self.reports)}."


ALL_KEPT = Since()


def _day(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def since() -> Since:
    """Return since when events and reports are kept; one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT events_since, sealed_until, reports_since FROM events_retained")
        return Since(*(cursor.fetchone() or ()))


def sealed_until() -> datetime | None:
    """Return the end of the sealed time; one statement."""
    return since().sealed_until


def events_removed(until: datetime, *, reports_kept: bool) -> None:
    """Note that events from before a time were removed, with their sessions and rollups or without them."""
    found = since()
    is_first = found.sealed_until is None
    _advance(until, until if reports_kept else None, until if is_first and not reports_kept else None)


def reports_removed(until: datetime) -> None:
    """Note that sessions and rollups from before a time were removed."""
    _advance(None, None, until)


def _advance(*times: datetime | None) -> None:
    """Move the times on; none goes back."""
    moved = ", ".join(f"{name} = greatest(events_retained.{name}, excluded.{name})" for name in _TIMES)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO events_retained (id, {', '.join(_TIMES)}) VALUES (1, %s, %s, %s)"  # noqa: S608
            f" ON CONFLICT (id) DO UPDATE SET {moved}",
            times,
        )


_TIMES = ("events_since", "sealed_until", "reports_since")
