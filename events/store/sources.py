"""Sources by name: creates a row for each new name, up to a cap per owner; merges and deletes sources.

The cap is exact: a transaction that creates sources of an organization holds a lock until it ends.
Transactions without new names take no lock.

Merging and deleting free room under the cap. A merged source keeps its events, usage and charges. New events
that name it are filed under the target, and a filter by the target includes it. A source without events can
be deleted; its row stays if usage or charges refer to it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from events.ownership.owner import Owner
from events.ownership.source import OVERFLOW, STANDING, UNKNOWN, Source
from events.store import erasing
from events.store.copying import array, text_array
from events.store.retention import weeks
from events.store.usage import UsageHour
from events.store.versions import SourceVersion

_ADVISORY_LOCK = 748_025_503  # with the organization's key; the number is an arbitrary constant


class SourceName(NamedTuple):
    """A source as an event names it."""

    organization_id: int
    owner_id: int  # the owner of the event
    name: str


class Resolved(NamedTuple):
    """The source of a name: its id and name."""

    id: int
    name: str


class _Found(NamedTuple):
    """An existing source, and if it counts against an owner's cap."""

    source: Resolved
    counts: bool


def resolve(names: Iterable[SourceName], *, stored: bool = True) -> dict[SourceName, Resolved]:
    """Return the source of each name; an empty name is `(unknown)`, one too many `(overflow)`.

    Of names that differ only in case, the first one is used. A name in rejected events only (not `stored`)
    doesn't count against an owner's cap until a stored event has it.
    """
    wanted = {named: _bare(named) for named in dict.fromkeys(names)}
    found = _find(wanted.values())
    unsettled = [
        named for named in dict.fromkeys(wanted.values()) if not _settled(found, named, stored=stored)
    ]
    if unsettled:
        _lock({named.organization_id for named in unsettled})
        found |= _find(unsettled)
        unsettled = [named for named in unsettled if not _settled(found, named, stored=stored)]
        if _make(unsettled, stored=stored):
            found |= _find(unsettled)
    over = [named for named in unsettled if not _settled(found, named, stored=stored)]
    if over:
        places = {named[:2]: SourceName(*named[:2], OVERFLOW) for named in over}
        _insert(sorted({(organization, None, OVERFLOW) for organization, _ in places}))
        rows = _find(places.values())
        found |= {named: rows[places[named[:2]]] for named in over}
    return {named: found[bare].source for named, bare in wanted.items()}


def has_stored_events() -> Q:
    """Return the condition that a source isn't named by rejected events only."""
    noted = Exists(SourceVersion.objects.filter(source=OuterRef("pk")))
    return Q(owner__isnull=False) | Q(merged_into__isnull=False) | Q(noted, name__in=STANDING)


def _bare(named: SourceName) -> SourceName:
    name = named.name.strip() or UNKNOWN
    return named if name == named.name else named._replace(name=name)


def _settled(found: dict[SourceName, _Found], named: SourceName, *, stored: bool) -> bool:
    """True if a name has its source, and it counts if necessary."""
    there = found.get(named)
    return there is not None and (there.counts or not stored or named.name in STANDING)


def _find(names: Iterable[SourceName]) -> dict[SourceName, _Found]:
    """Return existing sources, compared as the unique constraint compares them; of merged ones the target."""
    wanted = list(dict.fromkeys(names))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.organization, wanted.owner, wanted.name, kept.id, kept.name,"
            " kept.owner_id IS NOT NULL OR source.merged_into_id IS NOT NULL"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS wanted (organization, owner, name)"
            " JOIN events_source source ON source.organization_id = wanted.organization"
            " AND lower(source.name) = lower(wanted.name)"
            " JOIN events_source kept ON kept.id = coalesce(source.merged_into_id, source.id)",
            [
                array(named.organization_id for named in wanted),
                array(named.owner_id for named in wanted),
                text_array([named.name for named in wanted]),
            ],
        )
        return {
            SourceName(organization, owner, wanted_name): _Found(Resolved(pk, name), counts)
            for organization, owner, wanted_name, pk, name, counts in cursor.fetchall()
        }


def _lock(organizations: Iterable[int]) -> None:
    """Lock the creation of sources of these organizations until this transaction ends."""
    with connection.cursor() as cursor:
        for organization in sorted(organizations):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ADVISORY_LOCK, organization])


def _make(names: Sequence[SourceName], *, stored: bool) -> bool:
    """Create sources, or count existing ones, up to the cap. The standing ones don't count.

    Returns True if there was room for any.
    """
    room: dict[tuple[int, int | None], int] = {}
    for named in names:
        place = (named.organization_id, named.owner_id if stored else None)
        if place not in room:
            room[place] = settings.MAX_SOURCES - _made(*place)
    if not names or (max(room.values()) <= 0 and STANDING.isdisjoint(named.name for named in names)):
        return False
    rows: dict[tuple[int, str], tuple[int, int | None, str]] = {}
    folded = _folded({named.name for named in names})
    for named in names:
        key = (named.organization_id, folded[named.name])
        if key in rows:
            continue
        counted_for = None
        if named.name not in STANDING:
            counted_for = named.owner_id if stored else None
            place = (named.organization_id, counted_for)
            if room[place] <= 0:
                continue
            room[place] -= 1
        rows[key] = (named.organization_id, counted_for, named.name)
    _insert(rows.values())
    return bool(rows)


def _folded(names: Iterable[str]) -> dict[str, str]:
    """Return names as the unique constraint compares them, since Python folds some letters differently."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, lower(name) FROM unnest(%s::text[]) AS name", [text_array(list(names))])
        return dict(cursor.fetchall())


def _made(organization_id: int, owner_id: int | None) -> int:
    """Return the number of sources that count against an owner's cap, or without an owner, of the others."""
    made = Source.objects.filter(organization_id=organization_id, merged_into=None).exclude(name__in=STANDING)
    return (made.filter(owner=None) if owner_id is None else made.filter(owner_id=owner_id)).count()


def _insert(rows: Iterable[tuple[int, int | None, str]]) -> None:
    """Insert sources. An existing one that didn't count now does."""
    columns = list(map(list, zip(*rows, strict=True)))
    if not columns:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_source AS kept (organization_id, owner_id, name, first_seen)"
            " SELECT *, now() FROM unnest(%s::bigint[], %s::bigint[], %s::text[])"
            " ON CONFLICT (organization_id, lower(name)) DO UPDATE SET owner_id = excluded.owner_id,"
            " closed_at = NULL"
            " WHERE kept.owner_id IS NULL AND excluded.owner_id IS NOT NULL",
            columns,
        )


def with_merged(source_ids: Collection[int]) -> list[int]:
    """Return sources together with those that were merged into them."""
    found = Source.objects.filter(models.Q(pk__in=source_ids) | models.Q(merged_into__in=source_ids))
    return sorted({*source_ids, *found.values_list("pk", flat=True)})


def owners_of(sources: Collection[Source]) -> set[int]:
    """Return the owners that these sources sent to."""
    used = UsageHour.objects.filter(source__in=[source.pk for source in sources])
    return set(used.values_list("owner_id", flat=True).distinct())


def merge_sources(sources: Sequence[Source], into: Source) -> None:
    """Merge sources into another one. Raises ValidationError if that is impossible."""
    if into in sources:
        raise ValidationError(f"{into} can't be merged into itself. Select another target.")
    if into.merged_into_id is not None:
        raise ValidationError(f"{into} is itself merged. Select the source that it was merged into.")
    if any(source.organization_id != into.organization_id for source in sources):
        raise ValidationError("Sources of different organizations can't be merged.")
    _refuse_standing(sources)
    ids = [source.pk for source in sources]
    with transaction.atomic():
        # Sources already merged into one of them get the same target, so that a name is resolved in one step.
        Source.objects.filter(merged_into__in=ids).update(merged_into=into)
        Source.objects.filter(pk__in=ids).update(merged_into=into, closed_at=None)


def undo_merge(sources: Sequence[Source]) -> None:
    """Undo the merge of sources for new events."""
    Source.objects.filter(pk__in=[source.pk for source in sources]).update(merged_into=None)


def delete_sources(sources: Sequence[Source]) -> None:
    """Delete sources without events. Raises ValidationError, and deletes none, if one has events.

    The row of a source stays if usage or charges refer to it, but is no longer listed and counts against no
    cap. An event that names the source restores it.
    """
    _refuse_standing(sources)
    if full := [source.name for source in sources if has_events(source)]:
        named = ", ".join(full[:5]) + (" and others" if len(full) > 5 else "")
        raise ValidationError(f"{named} still has events or rejected events. Merge it, or remove them first.")
    with transaction.atomic():
        for source in sources:
            _delete(source)


def _delete(source: Source) -> None:
    try:
        with transaction.atomic():
            source.delete()
    except models.ProtectedError:
        Source.objects.filter(pk=source.pk).update(owner=None, closed_at=timezone.now())


def has_events(source: Source) -> bool:
    """True if an event of a source is stored or rejected, or another source is merged into it."""
    sums = UsageHour.objects.filter(source=source).aggregate(
        stored=models.Sum("stored", default=0), gone=models.Sum("gone", default=0)
    )
    # `events` may not import `ingestion`.
    rejected = apps.get_model("ingestion", "RejectedEvent")._base_manager.filter(source_id=source.pk)
    return bool(sums["stored"] > sums["gone"]) or rejected.exists() or source.merged.exists()


def delete_events(source: Source, now: datetime) -> Iterator[int]:
    """Delete the stored events of a source in batches, and yield the size of each."""
    for owner in Owner.objects.filter(pk__in=owners_of([source])).order_by("pk"):
        for week in weeks():
            for batch in erasing.erase_matching(erasing.of_source(owner, source.pk, week), now):
                yield len(batch)


def _refuse_standing(sources: Sequence[Source]) -> None:
    if standing := [source.name for source in sources if source.name in STANDING]:
        raise ValidationError(
            f"{standing[0]} collects events without a source of their own, so it can't be merged or deleted."
        )
