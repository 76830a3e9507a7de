"""Replaying: rejected events are validated again, and those that are accepted now are filed.

A replay is one transaction with the removal of what it files. It moves an event from rejected to stored (or
duplicates) in the hour of its receipt; its repeats were counted as duplicates when they arrived. What fails
again stays rejected, with the new reason.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from events.enrichment import facts_of
from events.store import filing, usage
from events.store.usage import UsageDelta, UsageKey, hour_of
from events.wire.validators import Fault
from events.wire.values import readable
from ingestion.dialects.decoding import Accepted, Rejected
from ingestion.filing.claims import Claim
from ingestion.filing.pipeline import ensure_partitions, submission
from ingestion.filing.transactions import in_transaction, is_database_failure
from ingestion.rejected import changes, writing
from ingestion.rejected.event import RejectedEvent, Selection
from ingestion.rejected.revalidation import Revalidated, revalidate
from ingestion.rejected.writing import Rejection

log = logging.getLogger(__name__)
BLOCK_ROWS = 500
BLOCK_BYTES = 8 * 1024 * 1024

Allowed = Collection[int] | None  # owners that may be written for; None: all of them


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay."""

    rows: int = 0  # rejected events that were validated
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0  # again
    fault: Fault | None = None  # the last, of those that were rejected again

    def __add__(self, other: "Replayed") -> "Replayed":
        return Replayed(
            self.rows + other.rows,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            other.fault or self.fault,
        )


def replay(ids: Sequence[int], may_write: Allowed) -> Replayed:
    """Validate rejected events of the given owners again, and file those that are accepted now.

    Events that somebody else is replaying are skipped. Raises if the database fails.
    """
    try:
        return in_transaction(_replay, ids, may_write)
    except Exception as error:
        if is_database_failure(error):
            raise
        if len(ids) == 1:
            return _note_failure(ids[0], may_write, error)
        log.warning("Rejected events can't be filed together", exc_info=error)
    total = Replayed()
    for one in ids:
        total += replay([one], may_write)
    return total


def replay_edited(pk: int, text: bytes, may_write: Allowed) -> Replayed:
    """File `text` (JSON) instead of a rejected event. If it is rejected too, nothing changes."""
    try:
        return in_transaction(_replay, [pk], may_write, edited=text)
    except Exception as error:
        if is_database_failure(error):
            raise
        log.exception("Edited event can't be filed", extra={"rejected": pk})
        return Replayed(rows=1, rejected=1, fault=_unfileable(error))


def preview(rows: Iterable[RejectedEvent], may_write: Allowed) -> Replayed:
    """Return what a replay would do. Duplicates are found only by filing, and count as stored here."""
    total = Replayed()
    for row in rows:
        revalidated = revalidate(row, may_write)
        refused = [each.verdict.fault for each in revalidated if isinstance(each.verdict, Rejected)]
        last = refused[-1] if refused else None
        total += Replayed(1, len(revalidated) - len(refused), 0, len(refused), last)
    return total


def next_block(selection: Selection, may_write: Allowed, *, after: int, last: int, most: int) -> list[int]:
    """Return the next ids, as many as one transaction should hold."""
    rows = selection.rows(may_write).filter(pk__gt=after, pk__lte=last).order_by("pk")
    ids: list[int] = []
    room = BLOCK_BYTES
    for pk, size in rows.extra(select={"size": "octet_length(body)"}).values_list("pk", "size")[:most]:
        room -= size
        if ids and room < 0:
            break
        ids.append(pk)
    return ids


def _replay(ids: Sequence[int], may_write: Allowed, edited: bytes | None = None) -> Replayed:
    rows = list(_locked(ids, may_write))
    delta = UsageDelta()
    gone: list[RejectedEvent] = []
    again: list[tuple[RejectedEvent, Rejected]] = []
    accepted: list[tuple[Claim, Revalidated]] = []
    rejections: list[Rejection] = []
    for row in rows:
        revalidated = revalidate(row, may_write, edited)
        only = revalidated[0].verdict if len(revalidated) == 1 else None
        # The only event of a request that was rejected as a whole is shorter than the row's body.
        if isinstance(only, Rejected) and only.raw == (bytes(row.body) if edited is None else edited):
            again.append((row, only))
            continue
        # An event without an id is known by the row that it waited in: as a number, below those of the inbox.
        gone.append(row)
        delta.count(_usage_key(row), received=-1, rejected=-1)
        for each in revalidated:
            if isinstance(each.verdict, Accepted):
                accepted.append((Claim(-row.pk, each.owner.pk, None, 0, 1, each.payload), each))
            else:
                rejections.append(Rejection(each.owner, each.payload, each.verdict))
    made = filing.rows_of(
        submission(claim, each.owner, _accepted(each), facts_of(each.payload.context))
        for claim, each in accepted
    )
    ensure_partitions(made)
    stored = filing.file(made, delta, timezone.now())
    # Delete before writing new rejections: the same bytes would count as a repeat.
    RejectedEvent.objects.filter(pk__in=[row.pk for row in gone]).delete()
    writing.write(rejections, delta)
    if edited is None:
        _update_reasons(again, delta)
    usage.apply_delta(delta)
    faults = [rejected.fault for _, rejected in again] or [
        rejection.rejected.fault for rejection in rejections
    ]
    return Replayed(
        rows=len(rows),
        stored=stored,
        duplicates=len(made) - stored,
        rejected=len(again) + len(rejections),
        fault=faults[-1] if faults else None,
    )


def _locked(ids: Sequence[int], may_write: Allowed) -> Iterable[RejectedEvent]:
    rows = Selection(ids=tuple(ids)).rows(may_write)
    return rows.select_for_update(skip_locked=True, of=("self",)).select_related("owner").order_by("pk")


def _accepted(revalidated: Revalidated) -> Accepted:
    assert isinstance(revalidated.verdict, Accepted)
    return revalidated.verdict


def _usage_key(row: RejectedEvent) -> UsageKey:
    return UsageKey(row.owner_id, hour_of(row.received_at), row.source_id, row.kind, row.dialect)


def _update_reasons(again: Iterable[tuple[RejectedEvent, Rejected]], delta: UsageDelta) -> None:
    """Update the reason of events that stay rejected, and count them for their kind if it is known now."""
    for row, rejected in again:
        if rejected.kind and rejected.kind != row.kind:
            delta.count(_usage_key(row), received=-1, rejected=-1)
            row.kind = rejected.kind
            delta.count(_usage_key(row), received=1, rejected=1)
        row.code = rejected.fault.code
        row.path = readable(rejected.fault.path)
        row.message = readable(rejected.fault.message)
    RejectedEvent.objects.bulk_update([row for row, _ in again], ["kind", "code", "path", "message"])
    changes.note((row.owner_id, row.pk) for row, _ in again)


def _unfileable(error: Exception) -> Fault:
    return Fault("unfileable", "", f"The event could not be filed: {type(error).__name__}.")


def _note_failure(pk: int, may_write: Allowed, error: Exception) -> Replayed:
    """Record on a row that the server failed to file it."""
    log.error("Rejected event can't be filed", exc_info=error, extra={"rejected": pk})
    fault = _unfileable(error)
    with transaction.atomic():
        rows = list(_locked([pk], may_write))
        for row in rows:
            row.code, row.path, row.message = fault
            row.save(update_fields=["code", "path", "message"])
        changes.note((row.owner_id, row.pk) for row in rows)
    return Replayed(rows=len(rows), rejected=len(rows), fault=fault if rows else None)
