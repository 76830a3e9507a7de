"""Completeness of figures: events of a period may still be loading, or may not be summarised yet.

Code that derives a change, a colour or a warning from figures checks here first, and leaves it out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, models
from psycopg.sql import SQL, Literal

from events.ownership.owner import Organization, Owner


class Backfill(models.Model):
    """One load of past events, newest days first, with its progress, so that it can be resumed."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=50, help_text="Name of the data, as shown on pages.")
    since = models.DateTimeField(help_text="Start of the period to load.")
    until = models.DateTimeField(help_text="End of the period to load.")
    reached = models.DateTimeField(null=True, help_text="Events received since then are loaded.")
    requests_done = models.BigIntegerField(default=0)
    events_done = models.BigIntegerField(default=0)
    events_total = models.BigIntegerField(default=0, help_text="0 until it is known.")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="When its figures became complete.")

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"], condition=models.Q(finished_at=None), name="backfill_unfinished"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def share(self) -> float:
        """Return the share of its events that are loaded, from 0 to 1."""
        return self.events_done / self.events_total if self.events_total else 0.0


# Rollups are updated every 15 s. Normal traffic never leaves so many rows pending, or for so long.
LAG = timedelta(minutes=5)
MANY = 1_000  # rows
# A load without progress for that long was interrupted.
STALLED = timedelta(minutes=2)
HIDDEN = "Until then, comparisons with earlier periods and warnings are hidden."

_WAITING = SQL("""
FROM events_touchedquarter
WHERE (%(owners)s::bigint[] IS NULL OR owner_id = ANY(%(owners)s))
  AND quarter >= %(since)s - interval '15 minutes' AND quarter < %(until)s
""")
_QUERY = SQL("""
SELECT
  (SELECT min(b.id) FROM events_backfill b WHERE b.finished_at IS NULL
     AND b.since < %(until)s AND b.until >= %(since)s
     AND (%(owners)s::bigint[] IS NULL OR EXISTS (SELECT FROM events_owner o
          WHERE o.organization_id = b.organization_id AND o.id = ANY(%(owners)s)))),
  EXISTS (SELECT {waiting} AND marked_at < %(lag)s),
  (SELECT count(*) FROM (SELECT {waiting} LIMIT {many}) waiting)
""").format(waiting=_WAITING, many=Literal(MANY))


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The reason why figures are incomplete, as a sentence, and the progress."""

    sentence: str
    share: float | None = None  # of a load, from 0 to 1

    @property
    def percent(self) -> int | None:
        """Return the share as a whole percentage."""
        return None if self.share is None else int(self.share * 100)


def incomplete(
    owners: Sequence[int] | None, since: datetime, until: datetime, now: datetime
) -> Incomplete | None:
    """Return why figures of a period are incomplete, or None. `owners` None means all. One statement."""
    values = {
        "owners": None if owners is None else list(owners),
        "since": since,
        "until": until,
        "lag": now - LAG,
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        load, lags, waiting = cursor.fetchone()
    if load is not None:
        return _of_load(Backfill.objects.get(pk=load), now)
    if lags or waiting >= MANY:
        return Incomplete(f"Events of this period are still being summarised. {HIDDEN}")
    return None


def owners_being_loaded() -> set[int]:
    """Return the owners whose past events are being loaded."""
    loads = Backfill.objects.filter(finished_at=None)
    owners = Owner.objects.filter(organization__in=loads.values("organization"))
    return set(owners.values_list("pk", flat=True))


def are_being_loaded(owners: Iterable[int]) -> bool:
    """True if past events of any of these owners are being loaded."""
    return not owners_being_loaded().isdisjoint(owners)


def _of_load(load: Backfill, now: datetime) -> Incomplete:
    if not load.events_total:
        said = f"Loading the {load.name} has just begun."
    elif load.events_done < load.events_total:
        said = f"The {load.name} is being loaded: {load.events_done:,} of {load.events_total:,} events"
        said += f", back to {load.reached:%Y-%m-%d}{_until(load, now)}."
    else:
        said = f"All events of the {load.name} are loaded; sessions, reports and charges are being updated."
    return Incomplete(f"{said} {HIDDEN}", load.share)


def _until(load: Backfill, now: datetime) -> str:
    if now - load.updated_at > STALLED:
        return "; it was interrupted, and resumes at the next start"
    left = (load.updated_at - load.started_at) * ((1 - load.share) / load.share) if load.share else None
    if left is None:
        return ""
    minutes = round(left.total_seconds() / 60)
    return f"; complete in about {minutes} min" if minutes > 1 else "; complete in about a minute"
