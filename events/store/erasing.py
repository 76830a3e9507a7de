"""Erasure: finds and deletes the events of one actor of one owner, in batches, a week at a time.

Each batch is one transaction: it deletes events, adjusts the counters and queues their sessions, which are
computed again from the remaining events. If it is interrupted, the next run erases the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from django.db import connection, models, transaction
from psycopg.sql import SQL, Identifier

from events.changes import blanking
from events.changes.change import What
from events.enrichment.emails import email_hash, is_address
from events.enrichment.reference import FEDERATED, federated_id
from events.event import Event, EventQuerySet
from events.identity import by_week
from events.kinds import KINDS
from events.ownership.owner import Owner
from events.partitioned.partitions import WEEK
from events.store import pending, usage
from events.store.retention import RemovedCount, removal_delta
from events.store.usage import UsageKey, hour_of
from events.wire.values import escape

BATCH = 1_000  # events of a transaction
Note = Callable[[Sequence[Event]], object]
# Paths of the actor on the wire. For Buildless events, in the order in which they are read.
PATHS = {
    "sunbird": (("actor", "id"),),
    "availity": (("telemetryBody", "entries", "userId"),),
    "buildless": (("event", "user"), ("event", "detail", "user", "uid")),
}


def names_of(actor: str) -> list[str]:
    """Return the names that columns may have for an actor.

    These are the id as sent and as stored, a federated id with and without its provider, and a hash.
    """
    names = [actor, escape(actor)]
    if actor.startswith(FEDERATED):
        names.append(federated_id(actor))
    if is_address(actor):
        names += [actor.strip().lower(), email_hash(actor)]
    return list(dict.fromkeys(names))


def of_actor(owner: Owner, actor: str, week: datetime) -> EventQuerySet:
    """Return the events of an actor in a week, by the owner's index, since the actor has none (decision 41).

    An id that doesn't fit into the column, such as a number, is in `extra`.
    """
    called = models.Q(actor__in=names_of(actor))
    if is_address(actor):
        called |= models.Q(actor_email_hash=email_hash(actor))
    for path in sorted({path for paths in PATHS.values() for path in paths}):
        called |= models.Q(**{f"extra__{'__'.join(path)}__in": _in_json(actor)})
    events = Event.objects.filter(called, owner_id=owner.pk)
    return events.occurred_since(week).occurred_before(week + WEEK).order_by("id")


def _in_json(actor: str) -> list[object]:
    """Return the JSON values with which an id may have been sent."""
    return [*names_of(actor), *([int(actor)] if actor.isascii() and actor.isdecimal() else [])]


def erase_week(
    owner: Owner, actor: str, week: datetime, now: datetime, note: Note | None = None
) -> Iterator[Sequence[Event]]:
    """Erase an actor's events of a week, batch by batch."""
    return erase_matching(of_actor(owner, actor, week), now, note)


def of_source(owner: Owner, source_id: int, week: datetime) -> EventQuerySet:
    """Return an owner's events from a source in a week."""
    events = Event.objects.filter(owner_id=owner.pk, source_id=source_id)
    return events.occurred_since(week).occurred_before(week + WEEK).order_by("id")


def erase_matching(
    events: EventQuerySet, now: datetime, note: Note | None = None
) -> Iterator[Sequence[Event]]:
    """Erase events of a week, and yield each batch after it is deleted.

    `note` is called with each batch in the transaction that deletes it.
    """
    while batch := _erase_batch(events, now, note):
        yield batch


def only_theirs(owner: Owner, column: str, ids: Iterable[str]) -> frozenset[str]:
    """Return the sessions or devices that no event of the owner has any more."""
    wanted = sorted(set(ids))
    left: set[str] = set()
    with transaction.atomic():
        patiently()
        events = Event.objects.filter(owner_id=owner.pk, **{f"{column}__in": wanted})
        if wanted:
            left.update(events.order_by().values_list(column, flat=True).distinct())
    return frozenset(wanted).difference(left)


def patiently() -> None:
    """Remove the statement timeout of this transaction, since it reads a whole week."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def _erase_batch(waiting: EventQuerySet, now: datetime, note: Note | None) -> Sequence[Event]:
    with transaction.atomic():
        patiently()
        events = list(waiting.select_for_update()[:BATCH])
        if not events:
            return events
        kinds = {event.kind for event in events}
        for table in (*(KINDS[kind].model._meta.db_table for kind in kinds), Event._meta.db_table):
            _delete(table, events)
        _blank(events)
        pending.requeue(events)
        usage.apply_delta(removal_delta(_removed_counts(events), now))
        if note:
            note(events)
    return events


def _blank(events: Sequence[Event]) -> None:
    """Remove the ids of deleted events from the change feed."""
    for owner_id in {event.owner_id for event in events}:
        theirs = [event for event in events if event.owner_id == owner_id]
        received = min(event.received_at for event in theirs)
        blanking.blank(What.EVENTS, owner_id, [event.pk for event in theirs], received)


_DELETE = SQL("DELETE FROM {} WHERE id = ANY(%s::uuid[]) AND id >= %s AND id <= %s")


def _delete(table: str, events: Sequence[Event]) -> None:
    """Delete rows by SQL, each week's from its own partition."""
    for _, group in by_week([event.id.int for event in events]):
        ids = [f"{number:032x}" for number in group]
        with connection.cursor() as cursor:
            cursor.execute(_DELETE.format(Identifier(table)), [ids, ids[0], ids[-1]])


def _removed_counts(events: Iterable[Event]) -> list[RemovedCount]:
    """Return the counts of events for the usage counters."""
    sums: dict[UsageKey, list[int]] = {}
    for event in events:
        key = UsageKey(event.owner_id, hour_of(event.received_at), event.source_id, event.kind, event.dialect)
        counts = sums.setdefault(key, [0, 0, 0])
        for place, number in enumerate((1, event.billed_bytes, event.wire_bytes)):
            counts[place] += number
    return [
        RemovedCount(key.owner_id, key.source_id, key.kind, key.dialect, key.hour, *counts)
        for key, counts in sums.items()
    ]
