"""Filing: writes a block of accepted events to the tables, each exactly once, in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from events.changes import change
from events.changes.change import What
from events.event import Event
from events.kinds import KINDS
from events.ownership.owner import OverQuota
from events.store import pending, sources, versions
from events.store.copying import EVENTS, Table, present
from events.store.details import as_wire, details_of
from events.store.submission import Row, Submission, assign_source, canonical_json, row
from events.store.usage import UsageDelta, UsageKey, WarningKey, hour_of
from events.wire.values import without_hashed

TABLES = {name: Table(entry.model) for name, entry in KINDS.items()}
RACES = 5  # attempts of a block if other drains file the same ids


def rows_of(submissions: Iterable[Submission]) -> list[Row]:
    """Return rows in the order of their ids, without sources. Uses no database."""
    return sorted(map(row, submissions), key=attrgetter("id"))


def file(rows: Sequence[Row], delta: UsageDelta, now: datetime) -> int:
    """File rows sorted by id, whose partitions exist; count them; return the number of new ones."""
    _settle_sources(rows)
    first, repeats = _once(rows)
    new, known = _write(first, now)
    stored = _matching(known)
    for duplicate in (*repeats, *known):
        # The first one counts: the stored event, or else the first in this block.
        submission = duplicate.submission
        other = submission.original
        winner = stored.get(duplicate.id)
        if winner is None:
            winner = first[duplicate.id].submission.original
        else:
            other = without_hashed(other, submission.adaptations)
        _count_duplicate(delta, duplicate, conflicting=not _same(winner, other))
    _count_stored(delta, new)
    _queue(new)
    return len(new)


def _queue(rows: Sequence[Row]) -> None:
    """Queue the sessions and rollups that the new events change, and tell those who follow the feed."""
    ids: dict[int, list[int]] = {}
    spans: dict[pending.SessionKey, pending.Span] = {}
    quarters: set[pending.Quarter] = set()
    for made in rows:
        envelope = made.taken.envelope
        owner = made.submission.owner.id
        ids.setdefault(owner, []).append(made.id)
        quarters.add((owner, pending.quarter_of(made.id)))
        key = pending.session_key(
            owner, made.source_id, envelope.get("session"), envelope.get("device"), envelope.get("channel")
        )
        if key:
            pending.extend_span(spans, key, envelope["occurred_at"])
    pending.add_sessions(spans.items())
    pending.add_quarters(quarters, of_sessions=False)
    change.add(What.EVENTS, ids)


def _settle_sources(rows: Sequence[Row]) -> None:
    # In the order of receipt, so that a source's name is spelled as first seen.
    rows = sorted(rows, key=attrgetter("submission.received_at"))
    named = [
        sources.SourceName(made.submission.owner.organization_id, made.submission.owner.id, made.source_name)
        for made in rows
    ]
    found = sources.resolve(named)
    for made, place in zip(rows, named, strict=True):
        assign_source(made, found[place])


def _once(rows: Sequence[Row]) -> tuple[dict[int, Row], list[Row]]:
    """Return the first row of each id, and the repeats."""
    first: dict[int, Row] = {}
    repeats = [made for made in rows if first.setdefault(made.id, made) is not made]
    return first, repeats


def _write(first: dict[int, Row], now: datetime) -> tuple[list[Row], list[Row]]:
    """Write the rows that aren't stored yet; return (new, known)."""
    for attempt in range(RACES):
        there = present(list(first))
        new = [made for made in first.values() if made.id not in there]
        try:
            with transaction.atomic():
                _copy(new, now)
        except IntegrityError as error:
            # Another drain has filed one of these ids since the look-up, so look again.
            if not isinstance(error.__cause__, UniqueViolation) or attempt == RACES - 1:
                raise
            continue
        return new, [made for made in first.values() if made.id in there]
    raise AssertionError("the last attempt returns or raises")


def _copy(rows: Sequence[Row], now: datetime) -> None:
    if not rows:
        return
    EVENTS.copy(_envelope(made, now) for made in rows)
    kinds: dict[str, list[Row]] = defaultdict(list)
    for made in rows:
        kinds[made.submission.kind.name].append(made)
    for kind, group in kinds.items():
        TABLES[kind].copy({"id": made.id, **made.taken.kind} for made in group)


def _envelope(made: Row, now: datetime) -> dict[str, object]:
    """Return all columns of the envelope, in the dictionary that splitting the event created."""
    submission = made.submission
    envelope = made.taken.envelope
    envelope |= {
        "id": made.id,
        "dialect": submission.kind.schema.dialect,
        "kind": submission.kind.name,
        "owner_id": submission.owner.id,
        "source_id": made.source_id,
        "received_at": submission.received_at,
        "ingested_at": now,
        "billed_bytes": made.billed_bytes,
        "wire_bytes": submission.wire_bytes,
        "extra": made.taken.extra,
        "over_quota": True if submission.over_quota == OverQuota.MARK else None,
        "adaptations": submission.adaptations or None,
    }
    return envelope


def _matching(known: Sequence[Row]) -> dict[int, dict[str, object]]:
    """Return the wire form of stored events that duplicates repeat. Runs no query without duplicates."""
    if not known:
        return {}
    events = list(
        Event.objects.filter(id__in=[UUID(int=made.id) for made in known]).select_related("owner", "source")
    )
    details = details_of(events)
    return {event.id.int: as_wire(event, details.get(event.id)) for event in events}


def _same(wire: dict[str, object], other: dict[str, object]) -> bool:
    """True if two events are equal as JSON. In Python, true also equals 1."""
    return canonical_json(wire, in_order=True) == canonical_json(other, in_order=True)


def usage_key(made: Row) -> UsageKey:
    """Return the usage key of an event."""
    submission = made.submission
    return UsageKey(
        submission.owner.id,
        hour_of(submission.received_at),
        made.source_id,
        submission.kind.name,
        submission.kind.schema.dialect,
    )


def _count_stored(delta: UsageDelta, rows: Sequence[Row]) -> None:
    """Count stored events. Grouped by request first, since its events share owner, source and hour."""
    sums: dict[tuple[datetime, int, int, str, str | None], list[int]] = {}
    dialects: dict[str, str] = {}
    for made in rows:
        submission = made.submission
        version = made.taken.envelope.get("version")
        kind = submission.kind
        place = (submission.received_at, submission.owner.id, made.source_id, kind.name, version)
        counts = sums.get(place)
        if counts is None:
            counts = sums[place] = [0, 0, 0]
            dialects[kind.name] = kind.schema.dialect
        counts[0] += 1
        counts[1] += made.billed_bytes
        counts[2] += submission.wire_bytes
        if made.taken.warnings:
            _count_warnings(delta, made)
    for place, (events, billed_bytes, wire_bytes) in sums.items():
        received_at, owner_id, source_id, name, version = place
        key = UsageKey(owner_id, hour_of(received_at), source_id, name, dialects[name])
        delta.count(key, received=events, stored=events, billed_bytes=billed_bytes, wire_bytes=wire_bytes)
        named = versions.version_key(source_id, owner_id, version)
        versions.note_seen(delta.versions, named, versions.VersionSeen(received_at, received_at, events))


def _count_warnings(delta: UsageDelta, made: Row) -> None:
    key = usage_key(made)
    version = (made.taken.envelope.get("version") or "")[:200]
    for warned in made.taken.warnings:
        counted = WarningKey(
            key.owner_id, key.hour, key.source_id, key.kind, version, warned.path, warned.code
        )
        delta.warnings[counted] += 1
        if warned.example:
            delta.examples[counted] = warned.example


def _count_duplicate(delta: UsageDelta, made: Row, *, conflicting: bool) -> None:
    delta.count(usage_key(made), received=1, duplicates=1, conflicting=int(conflicting))
