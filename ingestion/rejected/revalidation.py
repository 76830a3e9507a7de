"""Revalidation of rejected events by the current rules. Nothing is written here."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from events.ownership.owner import Owner, Validation, fault_of
from events.removal import kept_since
from events.wire.validators import Fault
from ingestion.dialects import jsontext
from ingestion.dialects.decoders import DECODERS
from ingestion.dialects.decoding import (
    OVER_QUOTA,
    Accepted,
    Decoder,
    Payload,
    RawEvent,
    Refused,
    Rejected,
    verdicts,
)
from ingestion.filing.pipeline import reject_before
from ingestion.receiving import admission
from ingestion.rejected.event import RejectedEvent

_AS_TEXT = ("json", "ndjson")  # of these a rejected event is JSON; other encodings are read by their dialect
_AS_A_WHOLE = "unfileable"  # the one code under which a whole request may have been kept


class Revalidated(NamedTuple):
    """An event of a rejected row with the verdict of today."""

    owner: Owner
    payload: Payload
    verdict: Accepted | Rejected


def revalidate(
    row: RejectedEvent, may_write: Collection[int] | None, edited: bytes | None = None
) -> list[Revalidated]:
    """Return the verdict on a rejected event, or on each event of a request that was rejected as a whole.

    The event is validated as of its first receipt, with the owner's current settings. `edited` is JSON that
    replaces the received bytes. `may_write` has the owners that a message may name; None: all owners.
    """
    decoder = DECODERS[row.dialect]
    body = bytes(row.body) if edited is None else edited
    payload = Payload(row.dialect, row.encoding, body, row.received_at, row.strict, _context(row))
    raw_events = _split(row, payload, decoder) if edited is None else [_edited(row, edited)]
    if isinstance(raw_events, Fault):
        return [Revalidated(row.owner, payload, Rejected(0, body, raw_events))]
    return _revalidate(row, payload, decoder, raw_events, may_write)


def _context(row: RejectedEvent) -> dict[str, str]:
    """Return the context of the request without the quota, which is checked again."""
    return {key: value for key, value in row.context.items() if key != OVER_QUOTA}


def _split(row: RejectedEvent, payload: Payload, decoder: Decoder) -> list[RawEvent] | Fault:
    is_whole = row.code == _AS_A_WHOLE
    if payload.encoding in _AS_TEXT and not is_whole:
        return [RawEvent(payload.body)]
    try:
        return decoder.split(payload)
    except Refused as refused:
        # One event of a batch is no batch.
        return [RawEvent(payload.body)] if is_whole else Fault(refused.code, refused.path, refused.message)


def _edited(row: RejectedEvent, text: bytes) -> RawEvent:
    """Return the edited event. It is JSON, but validated like the encoding that was received."""
    if row.encoding in _AS_TEXT:
        return RawEvent(text)
    return RawEvent(text, jsontext.bound_fault(text, jsontext.limits()) or jsontext.decode(text))


def _revalidate(
    row: RejectedEvent,
    payload: Payload,
    decoder: Decoder,
    raw_events: list[RawEvent],
    may_write: Collection[int] | None,
) -> list[Revalidated]:
    owner = _owner(row, decoder, raw_events, may_write)
    if isinstance(owner, Fault):
        return [Revalidated(row.owner, payload, Rejected(0, payload.body, owner))]
    strict = owner.validation == Validation.STRICT
    payload = Payload(row.dialect, row.encoding, payload.body, row.received_at, strict, payload.context)
    kept = kept_since(timezone.now())
    revalidated = [Revalidated(owner, payload, verdict) for verdict in verdicts(raw_events, payload, decoder)]
    return [_within_quota(_retained(each, kept, decoder)) for each in revalidated]


def _owner(
    row: RejectedEvent, decoder: Decoder, raw_events: Sequence[RawEvent], may_write: Collection[int] | None
) -> Owner | Fault:
    """Return the owner that the event names, if the person who replays it may write for it.

    A message that was rejected created no owner, so it went to the key's.
    """
    name = decoder.named_owner(raw_events[0]).name if decoder.named_owner and raw_events else ""
    if not name or fault_of(name) or name.strip().lower() == row.owner.name.lower():
        return row.owner
    owner = Owner.objects.filter(organization_id=row.owner.organization_id).named(name).first()
    if owner is not None and (may_write is None or owner.pk in may_write):
        return owner
    return Fault(
        "owner_not_allowed",
        "owner",
        f"The message names owner {name!r:.110}, which doesn't exist or which you may not write for.",
    )


def _retained(revalidated: Revalidated, kept: datetime | None, decoder: Decoder) -> Revalidated:
    """Return the verdict, or a rejection of an event whose week was removed."""
    if kept is None:
        return revalidated
    return revalidated._replace(verdict=reject_before(kept, revalidated.verdict, decoder))


def _within_quota(revalidated: Revalidated) -> Revalidated:
    """Return the verdict, checked against the owner's quota of the month in which the event was received."""
    owner, payload, verdict = revalidated
    if isinstance(verdict, Rejected):
        return revalidated
    try:
        over = admission.spend_quota(owner.pk, 1, payload.received_at)
    except Refused as refused:
        fault = Fault(refused.code, refused.path, refused.message)
        return Revalidated(owner, payload, Rejected(verdict.index, verdict.raw, fault, verdict.kind.name))
    if over is None:
        return revalidated
    context = {**payload.context, OVER_QUOTA: over}
    payload = Payload(
        payload.dialect, payload.encoding, payload.body, payload.received_at, payload.strict, context
    )
    return Revalidated(owner, payload, verdict)
