"""Submissions: accepted events on their way into the store, and the rows made from them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from events.enrichment import enrich
from events.enrichment.facts import Facts
from events.identity import event_number, moment
from events.kinds import KindEntry
from events.ownership.owner import Owner
from events.store.sources import Resolved
from events.wire import values
from events.wire.schema import Soft, Taken, Warned, put
from events.wire.values import Wire


@dataclass(slots=True)
class Submission:
    """An accepted event with the facts of its request."""

    owner: Owner
    kind: KindEntry
    event: dict[str, Wire]  # as validated
    original: dict[str, Wire]  # as sent
    soft: tuple[Soft, ...]
    adaptations: list[str]
    absent: Mapping[str, Wire]  # top-level fields that mean nothing
    occurred_ms: int
    received_at: datetime
    wire_bytes: int
    identity: str  # the client's own id, or the place in the inbox
    client_event_id: str | None  # if the wire form has it outside the event
    facts: Facts  # of its request
    over_quota: str | None = None  # the owner's setting, where its quota was used up at receipt
    number: int | None = None  # its id, if an import brings it


@dataclass(slots=True)
class Row:
    """An event ready to be written."""

    id: int  # the event id as a number, which is cheaper to sort, compare and write
    submission: Submission
    taken: Taken
    billed_bytes: int
    source_name: str
    source_id: int = 0  # once it is settled


def row(submission: Submission) -> Row:
    """Split an event into columns, enrich it, and compute its id."""
    taken = submission.kind.schema.take(submission.event, submission.soft)
    taken.adaptations = submission.adaptations
    envelope = taken.envelope
    if "occurred_at" not in envelope:
        envelope["occurred_at"] = moment(submission.occurred_ms)
    if submission.client_event_id is not None:
        envelope["client_event_id"] = submission.client_event_id
    if submission.absent:
        taken.extra = {**(taken.extra or {}), **submission.absent}
    enrich(taken, submission.facts, submission.kind.name)
    if submission.over_quota is not None:
        taken.warnings.append(Warned("", "over_quota"))
    encoded = canonical_json(submission.original)
    if _ENDS_IN_EXPONENT.search(encoded) and _LARGE_DOUBLE.search(encoded):
        submission.adaptations.append(values.LARGE_DOUBLES)
    return Row(
        id=submission.number
        or event_number(submission.occurred_ms, submission.owner.key, submission.identity),
        submission=submission,
        taken=taken,
        billed_bytes=len(encoded),
        source_name=envelope.get("source") or "",
    )


def assign_source(made: Row, source: Resolved) -> None:
    """Assign the source of a row. Names spelled differently than owner and source are kept in `extra`."""
    made.source_id = source.id
    taken = made.taken
    for name, entity in (("source", source), ("owner", made.submission.owner)):
        sent = taken.envelope.pop(name, None)
        leaf = made.submission.kind.schema.named.get(name)
        if sent is not None and leaf is not None and leaf.give(entity) != sent:
            taken.extra = put(taken.extra, leaf.path, sent)


# A number of 2**53 or more written with an exponent, as all doubles of that size are: 1e22, or 1e+22 beside
# lone surrogates, which need another encoder.
_LARGE_DOUBLE = re.compile(rb"[:,\[]-?[0-9]\.?[0-9]*e\+?[0-9]")
# The end of such a number. A pattern that begins with a letter is found six times as fast.
_ENDS_IN_EXPONENT = re.compile(rb"e\+?[0-9]+[,}\]]")


# A number that canonical form would shorten.
_SHORTENS = re.compile(rb"\.0[,}\]]")


# By True or False for sorted keys.
_SURROGATES_TOO = {
    in_order: json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=in_order)
    for in_order in (False, True)
}


_encode = msgspec.json.Encoder().encode


def _surrogates_too(event: Wire, *, in_order: bool) -> bytes:
    """Return JSON with lone surrogates, which UTF-8 can't encode, as escapes, and all else unchanged."""
    if in_order or type(event) is not dict:
        return _encode_surrogates(event, in_order=in_order)
    # Most of an event has none, and the fast encoder is five times as fast.
    plain: dict[str, Wire] = {}
    pairs = []
    for key, value in event.items():
        kind = type(value)
        if key.isascii() and (value.isascii() if kind is str else kind is not dict and kind is not list):
            plain[key] = value
            continue
        try:
            pairs.append(_encode(key) + b":" + _encode(value))
        except UnicodeEncodeError:
            pairs.append(
                _encode_surrogates(key, in_order=in_order)
                + b":"
                + _encode_surrogates(value, in_order=in_order)
            )
    if plain:
        pairs.append(_encode(plain)[1:-1])
    return b"{" + b",".join(pairs) + b"}"


def _encode_surrogates(value: Wire, *, in_order: bool) -> bytes:
    return _SURROGATES_TOO[in_order].encode(value).encode("utf-8", "backslashreplace")


def canonical_json(event: Wire, *, in_order: bool = False) -> bytes:
    """Return the JSON that is charged by its length: without blanks, in UTF-8, with canonical numbers.

    Sorting keys doesn't change the length, so it is only done on request.
    """
    order: Literal["sorted"] | None = "sorted" if in_order else None
    try:
        encoded = msgspec.json.encode(event, order=order)
        if b".0" in encoded and _SHORTENS.search(encoded):
            encoded = msgspec.json.encode(values.canonical(event), order=order)
    except UnicodeEncodeError:
        encoded = _surrogates_too(event, in_order=in_order)
        if b".0" in encoded and _SHORTENS.search(encoded):
            encoded = _surrogates_too(values.canonical(event), in_order=in_order)
    return encoded
