"""Versions of sources: their first and last sighting, and their number of events.

Sightings are summed in memory like usage, then written by one upsert with sorted keys.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Left

from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.copying import array, text_array

LONGEST = 200  # characters of a version that are stored
MOST = 200  # versions of a source for one owner, so that a new version in each event can't fill the table
OVERFLOW = "(overflow)"  # replaces versions beyond the limit


class SourceVersion(models.Model):
    """One row per version of a source, for one owner's events."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.TextField(help_text="Version as sent. Empty if none was sent.")
    first_seen = models.DateTimeField(help_text="Time of receipt of the first event with this version.")
    last_seen = models.DateTimeField(help_text="Time of receipt of the last event with this version.")
    events = models.BigIntegerField(default=0, help_text="Number of stored events with this version.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "owner", "version"], name="source_version_once")
        ]

    def __str__(self) -> str:
        return self.version or "no version"


def has_version(values: Collection[str]) -> Q:
    """Match the events or sessions of versions. OVERFLOW is all versions beyond the limit of their source."""
    found = Q(version__in=values)
    if OVERFLOW not in values:
        return found
    of_source = SourceVersion.objects.filter(source=OuterRef("source_id"), owner=OuterRef("owner_id"))
    is_named = Exists(of_source.filter(version=Left(OuterRef("version"), LONGEST)))
    is_over = Q(Exists(of_source.filter(version=OVERFLOW)), ~is_named, version__isnull=False)
    return found | is_over & ~Q(version="")


class VersionKey(NamedTuple):
    """The key of a version, in the order of the index."""

    source_id: int
    owner_id: int
    version: str


@dataclass(slots=True)
class VersionSeen:
    """The sightings of one version in a block."""

    first: datetime
    last: datetime
    events: int

    def take(self, other: "VersionSeen") -> None:
        """Merge other sightings."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.events += other.events


def note_seen(versions: dict[VersionKey, VersionSeen], key: VersionKey, seen: VersionSeen) -> None:
    """Add sightings of a version to a block."""
    there = versions.get(key)
    if there is None:
        versions[key] = seen
    else:
        there.take(seen)


def version_key(source_id: int, owner_id: int, version: str | None) -> VersionKey:
    """Return the key of the version that an event names."""
    return VersionKey(source_id, owner_id, (version or "")[:LONGEST])


def add(versions: dict[VersionKey, VersionSeen]) -> set[VersionKey]:
    """Add the sightings of a block to the table, in the transaction that files the block.

    Returns the versions beyond the limit, which are counted as OVERFLOW.
    """
    if not versions:
        return set()
    missing = versions.keys() - _there(versions)
    over = _without_room(missing) if missing else set()
    kept = {key: seen for key, seen in versions.items() if key not in over}
    for key in over:
        note_seen(kept, VersionKey(key.source_id, key.owner_id, OVERFLOW), versions[key])
    keys = sorted(kept)
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            [
                *_arrays(keys),
                text_array([kept[key].first.isoformat() for key in keys]),
                text_array([kept[key].last.isoformat() for key in keys]),
                array(kept[key].events for key in keys),
            ],
        )
    return over


_ADD = """
INSERT INTO events_sourceversion AS known (source_id, owner_id, version, first_seen, last_seen, events)
SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::bigint[]
)
ON CONFLICT (source_id, owner_id, version) DO UPDATE SET
    first_seen = least(known.first_seen, excluded.first_seen),
    last_seen = greatest(known.last_seen, excluded.last_seen),
    events = known.events + excluded.events
"""

_THERE = """
SELECT source_id, owner_id, version FROM events_sourceversion
JOIN unnest(%s::bigint[], %s::bigint[], %s::text[]) AS wanted (source_id, owner_id, version)
USING (source_id, owner_id, version)
"""


def _arrays(keys: Collection[VersionKey]) -> list[str]:
    return [
        array(key.source_id for key in keys),
        array(key.owner_id for key in keys),
        text_array([key.version for key in keys]),
    ]


def _there(keys: Collection[VersionKey]) -> set[VersionKey]:
    with connection.cursor() as cursor:
        cursor.execute(_THERE, _arrays(keys))
        return {VersionKey(*row) for row in cursor.fetchall()}


# Serializes transactions that add versions for an owner, so that each counts what the others added.
# The first number identifies this kind of lock.
_LOCK = "SELECT pg_advisory_xact_lock(%s, owner) FROM unnest(%s::int[]) AS owner"
_LOCK_SPACE = 0x7E5100

_COUNTS = """
SELECT source_id, owner_id, count(*) FROM events_sourceversion
JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (source_id, owner_id) USING (source_id, owner_id)
WHERE version <> %s GROUP BY 1, 2
"""


def _without_room(missing: AbstractSet[VersionKey]) -> set[VersionKey]:
    """Return the new versions beyond the limit of a source for an owner, in the order of names."""
    places = sorted({(key.source_id, key.owner_id) for key in missing})
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [_LOCK_SPACE, sorted({owner for _, owner in places})])
        cursor.execute(_COUNTS, [*map(list, zip(*places, strict=True)), OVERFLOW])
        room = dict.fromkeys(places, MOST)
        room |= {(source, owner): MOST - count for source, owner, count in cursor.fetchall()}
    over = set[VersionKey]()
    # Another block may have added some before this one got the lock.
    for key in sorted(missing - _there(missing)):
        place = (key.source_id, key.owner_id)
        room[place] -= 1
        if room[place] < 0:
            over.add(key)
    return over
