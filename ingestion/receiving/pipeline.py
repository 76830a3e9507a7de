"""Acceptance: from a sender and a body to verdicts, the request in the inbox before the answer."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from events.ownership.senders import Sender
from ingestion.dialects.decoding import (
    FIRST_SEEN,
    IDEMPOTENCY_KEY,
    OVER_QUOTA,
    Accepted,
    Admitted,
    NamedOwner,
    Parts,
    Reading,
    Rejected,
    Verdict,
    text_at,
    verdicts,
)
from ingestion.dialects.refusal import Refused
from ingestion.receiving import authentication, ceilings, idempotency, inbox, owners, quotas

Verdicts = list[Verdict]


def accept(
    sender: Sender,
    reading: Reading,
    encoding: str,
    body: bytes,
    now: datetime,
    context: dict[str, str],
    stream_id: Callable[[Verdicts], str] | None = None,
) -> Verdicts:
    """Judge the events of a body and put the request into the inbox; committed when this returns.

    Raises `Refused` for a request that is no batch at all (counted per key, there is no event to count), that
    has too many events, that names an owner it may not write for, or whose owner refuses more than its quota
    or has too many bytes waiting or rejected.
    """
    parts = Parts(reading.name, encoding, body, now, sender.strict, context)
    try:
        slices = reading.split(parts)
    except Refused as refused:
        if refused.status == 400:
            authentication.count_malformed(sender)
        raise
    named = reading.named_owner(slices[0]) if reading.named_owner and slices else NamedOwner("", "")
    place = owners.find(sender, named.name)
    if place is not None and place.strict != parts.strict:
        parts = Parts(reading.name, encoding, body, now, place.strict, context)
    if place is not None:
        ceilings.hold_waiting(place.owner_id, len(body))
    judged = [_heard(verdict, reading) for verdict in verdicts(slices, parts, reading)]
    if judged:
        if stream_id:
            context["sid"] = stream_id(judged)
        place = place or _new_place(sender, named, judged)
        rejected = [verdict for verdict in judged if isinstance(verdict, Rejected)]
        accepted = len(judged) - len(rejected)
        if rejected:
            ceilings.hold_rejected(
                place.owner_id, sum(len(verdict.raw) + ceilings.OVERHEAD for verdict in rejected)
            )
        if over := quotas.spend(place.owner_id, accepted, now):
            context[OVER_QUOTA] = over
        _keep(inbox.Arrival(parts, place.owner_id, sender.key_id, len(judged)))
        ceilings.add_waiting(place.owner_id, len(body))
    return judged


def _heard(verdict: Accepted | Rejected, reading: Reading) -> Verdict:
    if isinstance(verdict, Rejected):
        return verdict
    return Admitted(text_at(verdict.event, reading.id_path))


def _new_place(sender: Sender, named: NamedOwner, judged: Verdicts) -> owners.Place:
    """An owner not seen before is created for a message that is accepted, not for one that is refused."""
    if isinstance(judged[0], Admitted):
        return owners.create(sender, named.name, named.contact)
    return owners.Place(sender.owner_id, sender.strict)


def _keep(arrival: inbox.Arrival) -> None:
    """Put a request into the inbox; one with an idempotency key together with the sighting of the key."""
    parts = arrival.parts
    key = parts.context.get(IDEMPOTENCY_KEY)
    if key is None:
        inbox.put(arrival)
        return
    with transaction.atomic():
        seen = idempotency.first_sighting(arrival.owner_id, key, parts.body, parts.received_at)
        parts.context[FIRST_SEEN] = seen.isoformat()
        inbox.put(arrival)
