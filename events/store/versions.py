"""Versions of sources: which were heard of, since when, until when, and how many events they sent.

Folded in memory like the counters of usage, then written by one upsert with sorted keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, models

from events.ownership.owner import Owner
from events.ownership.source import Source

LONGEST = 200  # characters of a version that tell it from others
MOST = 200  # versions of one source of one owner; a version that is new in each event would fill the table
OVERFLOW = "(overflow)"  # stands for those beyond


class SourceVersion(models.Model):
    """One version of a source, as one owner's events name it: what was filed since there is this table."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.TextField(help_text="As sent; empty where none was.")
    first_seen = models.DateTimeField(help_text="When the first event with it was received.")
    last_seen = models.DateTimeField(help_text="When the last event with it was received.")
    events = models.BigIntegerField(default=0, help_text="Events filed with it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "owner", "version"], name="source_version_once")
        ]

    def __str__(self) -> str:
        return self.version or "no version"


class VersionKey(NamedTuple):
    """What versions are told apart by, in the order of their index."""

    source_id: int
    owner_id: int
    version: str


@dataclass(slots=True)
class Heard:
    """What a block has of one version."""

    first: datetime
    last: datetime
    events: int

    def take(self, other: "Heard") -> None:
        """Add what was heard elsewhere."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.events += other.events


def hear(versions: dict[VersionKey, Heard], key: VersionKey, heard: Heard) -> None:
    """Add to what a block has of a version."""
    there = versions.get(key)
    if there is None:
        versions[key] = heard
    else:
        there.take(heard)


def key_of(source_id: int, owner_id: int, version: str | None) -> VersionKey:
    """The key of what an event names."""
    return VersionKey(source_id, owner_id, (version or "")[:LONGEST])


def add(versions: dict[VersionKey, Heard]) -> None:
    """Add what a block has to the table, in the transaction that files the block."""
    if not versions:
        return
    missing = versions.keys() - _there(versions)
    if missing:
        versions = _bounded(versions, sorted(missing))
    keys = sorted(versions)
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            [
                *map(list, zip(*keys, strict=True)),
                [versions[key].first for key in keys],
                [versions[key].last for key in keys],
                [versions[key].events for key in keys],
            ],
        )


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


def _there(keys: Iterable[VersionKey]) -> set[VersionKey]:
    with connection.cursor() as cursor:
        cursor.execute(_THERE, list(map(list, zip(*keys, strict=True))))
        return {VersionKey(*row) for row in cursor.fetchall()}


def _bounded(versions: dict[VersionKey, Heard], missing: list[VersionKey]) -> dict[VersionKey, Heard]:
    """The same with as many of the new versions as there is room for, the others under one name."""
    room: dict[tuple[int, int], int] = {}
    kept = {key: heard for key, heard in versions.items() if key not in set(missing)}
    for key in missing:
        place = (key.source_id, key.owner_id)
        if place not in room:
            known = SourceVersion.objects.filter(source_id=key.source_id, owner_id=key.owner_id)
            room[place] = MOST - known.exclude(version=OVERFLOW).count()
        room[place] -= 1
        target = key if room[place] >= 0 else VersionKey(*place, OVERFLOW)
        hear(kept, target, versions[key])
    return kept
