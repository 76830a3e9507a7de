"""Re-enrichment: recomputes columns of stored events, a batch of ids at a time, each in its own transaction.

An event is restored to its state before enrichment, from its own columns, then enriched again with the
current settings. Only changed rows are written, so it can be run twice, and it doesn't block ingestion, which
never updates events.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models, transaction
from psycopg.sql import SQL, Identifier

from events.enrichment import account, enrich, facts, with_derived
from events.event import Event
from events.kinds import KINDS
from events.lib.sql import each
from events.ownership.owner import Organization
from events.store import pending
from events.store.details import details_of
from events.wire.schema import Taken
from events.wire.values import FILLED, HASHED, Wire

BATCH = 500  # events of a transaction


class Part(NamedTuple):
    """Columns that are recomputed together, of the envelope and of kinds."""

    envelope: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()


# Steps that also change `extra`. It is written as a whole, so these are recomputed together.
BOUND = Part(
    ("actor", "actor_email_hash", "object_id", "extra", "adaptations"),
    (
        *("tenant", "user", "account_scope", "contact", "contact_hash", "user_id", "username"),
        *("passed", "score", "content_version"),  # their defaults are recorded in `adaptations`
    ),
)
# By name of the part of enrichment: the parts that need neither the address nor the batch.
FIELDS: Mapping[str, Part] = {
    "account": BOUND,
    "emails": BOUND,
    "reference": BOUND,
    "geohash": Part(("geohash",)),
    "level": Part((), ("severity",)),
    "time_hash": Part(("time_hash",)),
    "user_agent": Part(
        ("browser", "browser_version", "os_name", "os_family", "os_version", "device_type", "is_bot")
    ),
}
# The keys under which the reference's corrections store the sent value.
_CORRECTED = {"actor": ("actor", "id"), "object_id": ("object", "id")}


class Batch(NamedTuple):
    """The result of a batch."""

    last: UUID
    events: int
    changed: int  # rows of envelopes and kinds


def batch(after: UUID, until: UUID | None, fields: Collection[str]) -> Batch | None:
    """Recompute fields of the next events after an id; None if there are none."""
    parts = {FIELDS[name] for name in fields}
    with transaction.atomic():
        waiting = Event.objects.filter(id__gt=after).order_by("id")
        if until is not None:
            waiting = waiting.filter(id__lt=until)
        # Locked, because `extra` is written as a whole.
        events = list(waiting.prefetch_related("source", "owner").select_for_update(of=("self",))[:BATCH])
        if not events:
            return None
        changed = _write(events, details_of(events), parts)
    return Batch(events[-1].id, len(events), changed)


def _write(events: Sequence[Event], details: Mapping[UUID, models.Model], parts: Collection[Part]) -> int:
    slugs = dict(Organization.objects.values_list("id", "slug"))
    changes: dict[tuple[type[models.Model], tuple[str, ...]], list[list[object]]] = defaultdict(list)
    for event in events:
        detail = details.get(event.id)
        if detail is None:
            continue  # `verify` reports it
        was_hashed = any(note.startswith(HASHED) for note in event.adaptations or ())
        taken = again(event, detail, slugs[event.owner.organization_id])
        for part in parts:
            if part is BOUND and was_hashed:
                continue  # the hashed value isn't stored
            for row, columns, values in (
                (event, part.envelope, _envelope(taken)),
                (detail, part.kind, taken.kind),
            ):
                own = tuple(name for name in columns if hasattr(row, name))
                if any(getattr(row, name) != values.get(name) for name in own):
                    changes[type(row), own].append([*(values.get(name) for name in own), event.id])
    # The last value of a row is its event's id.
    changed = {row[-1] for rows in changes.values() for row in rows}
    pending.requeue(event for event in events if event.id in changed)
    return sum(_update(model, columns, rows) for (model, columns), rows in changes.items())


def _envelope(taken: Taken) -> dict[str, object]:
    return {**taken.envelope, "extra": taken.extra, "adaptations": taken.adaptations or None}


def again(event: Event, detail: models.Model, slug: str) -> Taken:
    """Enrich an event again, from its columns without previous enrichment."""
    schema = KINDS[event.kind].schema
    taken = Taken(
        schema.dialect,
        {field.attname: getattr(event, field.attname) for field in Event._meta.concrete_fields},
        {field.attname: getattr(detail, field.attname) for field in detail._meta.concrete_fields},
        deepcopy(event.extra),
        adaptations=list(event.adaptations or ()),
    )
    named = schema.named["source"]
    sent = _sent(taken.extra, named.path)
    taken.envelope["source"] = sent if sent is not None else named.give(event.source)
    context = {facts.TENANT: slug} | _user(taken)
    if event.user_agent:
        context[facts.USER_AGENT] = event.user_agent
    if event.session:
        context["sid"] = event.session
    if not any(note.startswith(HASHED) for note in taken.adaptations):
        _undo(taken)
    for name in (*FIELDS["user_agent"].envelope, "geohash", "time_hash", "actor_email_hash"):
        taken.envelope[name] = None
    for name in ("contact_hash", "severity", "account_scope"):
        taken.kind[name] = None
    place = {name: taken.envelope[name] for name in ("latitude", "longitude")}
    enrich(taken, with_derived(place, context), event.kind)
    return taken


def _user(taken: Taken) -> dict[str, str]:
    """Return the user of a personal key, if the column holds it: filled in, or next to what was sent."""
    path = account.PATHS["user"]
    is_the_keys = FILLED + ".".join(path) in taken.adaptations or _sent(taken.extra, path) is not None
    user = taken.kind.get("user")
    return {facts.USER: user} if user and is_the_keys and taken.dialect == "buildless" else {}


def _undo(taken: Taken) -> None:
    """Restore the values that were sent in columns that a step replaced."""
    if taken.dialect == "sunbird":
        _restore(taken, taken.envelope, _CORRECTED)
    if taken.dialect == "buildless":
        for column, path in account.PATHS.items():
            note = FILLED + ".".join(path)
            if note in taken.adaptations:
                taken.adaptations.remove(note)
                taken.kind[column] = None
        _restore(taken, taken.kind, account.PATHS)


def _restore(taken: Taken, columns: dict[str, object], paths: Mapping[str, tuple[str, ...]]) -> None:
    for column, path in paths.items():
        sent = _sent(taken.extra, path)
        if sent is not None and columns.get(column) is not None:
            columns[column] = sent
            taken.extra = _without(taken.extra, path) or None


def _sent(extra: Wire, path: Iterable[str]) -> str | None:
    """Return the text at a path of the remainder, where a replaced text is stored."""
    for key in path:
        extra = extra.get(key) if type(extra) is dict else None
    return extra if type(extra) is str else None


def _without(extra: Wire, path: tuple[str, ...]) -> dict[str, object]:
    """Return the remainder without a path, and without objects that are then empty."""
    key, *below = path
    rest = {name: value for name, value in extra.items() if name != key}
    inner = _without(extra[key], tuple(below)) if below else None
    return {**rest, key: inner} if inner else rest


def _update(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    """Update rows of values, each with its id at the end."""
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    statement = SQL("UPDATE {} SET {} WHERE id = %s").format(
        Identifier(model._meta.db_table), each("{name} = %s", (field.column for field in fields))
    )
    prepared = [
        [
            *(field.get_db_prep_save(value, connection) for field, value in zip(fields, values, strict=True)),
            pk,
        ]
        for *values, pk in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, prepared)
    return len(rows)
