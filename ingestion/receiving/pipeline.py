"""The ingest pipeline: the steps that a request takes before its sender is answered.

    authenticate   who sends it                            authentication.py
    bound          read the body, within limits            request_body.py
    decode         cut the body into events                ingestion/dialects/
    adapt          prepare each event for validation       ingestion/dialects/decoding.py
    validate       accept or reject each event             ingestion/dialects/decoding.py
    admit          check the owner's quota and limits      admission.py
    keep           write the request into the inbox        inbox.py

A step returns its result, or refuses the whole request by raising `Refused` with a code and a sentence. A
rejected event refuses nothing: it is stored with its request, and its reason is in the answer. The inbox is
committed before the answer; filing decodes the request again and comes to the same verdicts.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest
from django.utils import timezone

from events.ownership.senders import Sender
from ingestion.dialects import decoding
from ingestion.dialects.decoding import (
    OVER_QUOTA,
    Admitted,
    Decoder,
    NamedOwner,
    Payload,
    RawEvent,
    Refused,
    Rejected,
    Verdict,
)
from ingestion.receiving import admission, authentication, inbox, request_body
from ingestion.receiving.admission import RequestOwner

Verdicts = list[Verdict]


class Posted(NamedTuple):
    """A request whose sender is known and whose body has been read."""

    sender: Sender
    content_type: str
    body: bytes
    received_at: datetime


class Contents(NamedTuple):
    """What a dialect makes of a posted request."""

    encoding: str
    body: bytes
    context: dict[str, str]  # from headers and API key; applies to all events of the request


def receive(
    request: HttpRequest,
    decoder: Decoder,
    contents_of: Callable[[Posted], Contents],
    stream_id: Callable[[Verdicts], str] | None = None,
) -> Verdicts:
    """Take a request through all steps. Raises `Refused`."""
    sender = authenticate(request)
    posted = bound(request, sender)
    encoding, body, context = contents_of(posted)
    return accept(sender, decoder, encoding, body, posted.received_at, context, stream_id)


def accept(
    sender: Sender,
    decoder: Decoder,
    encoding: str,
    body: bytes,
    now: datetime,
    context: dict[str, str],
    stream_id: Callable[[Verdicts], str] | None = None,
) -> Verdicts:
    """Take a body through the steps from decoding on; it is committed to the inbox when this returns.

    Raises `Refused` if the body can't be decoded or has too many events, if it names an owner that the sender
    may not write for, or if the owner is over its quota or limits.
    """
    payload = Payload(decoder.name, encoding, body, now, sender.strict, context)
    raw_events = decode(payload, decoder, sender)
    named, owner = assign(raw_events, payload, decoder, sender)
    if owner is not None and owner.strict != payload.strict:
        payload = Payload(decoder.name, encoding, body, now, owner.strict, context)
    verdicts = validate(raw_events, payload, decoder)
    if verdicts:
        if stream_id:
            context["sid"] = stream_id(verdicts)
        owner = owner or _new_owner(sender, named, verdicts[0])
        admit(verdicts, owner, payload)
        keep(payload, owner, sender, len(verdicts))
    return verdicts


def authenticate(request: HttpRequest) -> Sender:
    """Return the sender of a request, within its rate limits. Raises `Refused` (401, 403, 429)."""
    return authentication.authenticate(request.META)


def bound(request: HttpRequest, sender: Sender) -> Posted:
    """Read the body of a request, inflated. Raises `Refused` (400, 411, 413, 415)."""
    content_type = request_body.content_type(request.META)
    body = request_body.read(request)
    return Posted(sender, content_type, body, timezone.now())


def decode(payload: Payload, decoder: Decoder, sender: Sender) -> list[RawEvent]:
    """Cut the body into events. Raises `Refused` if it isn't of the dialect; that is counted for the key."""
    try:
        return decoder.split(payload)
    except Refused as refused:
        if refused.status == 400:
            authentication.count_malformed(sender)
        raise


def assign(
    raw_events: Sequence[RawEvent], payload: Payload, decoder: Decoder, sender: Sender
) -> tuple[NamedOwner, RequestOwner | None]:
    """Return the owner that the request names and the one it belongs to; None if that is to be created.

    The owner decides how strictly events are validated. Raises `Refused` if the key may not write for it
    (403) or too much of it waits already (429).
    """
    named = NamedOwner("", "")
    if decoder.named_owner and raw_events:
        named = decoder.named_owner(raw_events[0])
    owner = admission.find_owner(sender, named.name)
    if owner is not None:
        admission.check_inbox_space(owner.owner_id, len(payload.body))
    return named, owner


def validate(raw_events: list[RawEvent], payload: Payload, decoder: Decoder) -> Verdicts:
    """Adapt and validate each event; return the verdicts for the answer."""
    return [
        verdict
        if isinstance(verdict, Rejected)
        else Admitted(decoding.text_at(verdict.event, decoder.id_path))
        for verdict in decoding.verdicts(raw_events, payload, decoder)
    ]


def admit(verdicts: Verdicts, owner: RequestOwner, payload: Payload) -> None:
    """Count the events against the owner's limits. Raises `Refused` (429)."""
    rejected = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
    if rejected:
        admission.use_rejected_space(
            owner.owner_id, sum(len(verdict.raw) + admission.OVERHEAD for verdict in rejected)
        )
    accepted = len(verdicts) - len(rejected)
    if over := admission.spend_quota(owner.owner_id, accepted, payload.received_at):
        payload.context[OVER_QUOTA] = over


def keep(payload: Payload, owner: RequestOwner, sender: Sender, events: int) -> None:
    """Write the request into the inbox. Raises `Refused` (409) for an idempotency key with another body."""
    inbox.keep(inbox.Arrival(payload, owner.owner_id, sender.key_id, events))
    admission.use_inbox_space(owner.owner_id, len(payload.body))


def _new_owner(sender: Sender, named: NamedOwner, verdict: Verdict) -> RequestOwner:
    """Create the owner that an accepted message names; a rejected one goes to the key's owner."""
    if isinstance(verdict, Admitted):
        return admission.create_owner(sender, named.name, named.contact)
    return RequestOwner(sender.owner_id, sender.strict)
