"""The three dialects: where each has the envelope's fields, as described in docs/reference/formats.md."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from events.identity import milliseconds, moment
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.wire.checks import SECONDS_BELOW
from events.wire.columns import (
    LATEST_MS,
    MISMATCH,
    Filled,
    Form,
    Give,
    Inexact,
    LenientNumber,
    Need,
    Take,
    _Mismatch,
    same,
    take_identifier,
    take_list,
    take_milliseconds,
    take_text,
    take_texts,
    take_uint64,
)
from events.wire.schema import Leaf
from events.wire.validators import MAX_IDENTIFIER, Identifier, SoftIdentifier, written_as
from events.wire.values import Wire

UNCHECKED = None  # the reference pipeline's schema doesn't mention the field
NotEmpty = Annotated[str, Meta(min_length=1)]
Uint64Text = Annotated[str, written_as(r"^[0-9]{1,19}\Z", "an unsigned number")] | Annotated[int, Meta(ge=0)]
BuildlessId = Annotated[str, written_as(r"^[A-Za-z0-9]{12,64}\Z", "12 to 64 letters or digits")]
FilledIdentifier = Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER)]


def take_occurred(value: Wire) -> datetime | Inexact | _Mismatch:
    """Accept a Buildless time: a uint64 of milliseconds or, if small, of seconds."""
    number = take_uint64(value)
    if number is MISMATCH:
        return MISMATCH
    exact = type(number) is not Inexact
    count = int(number.stored if type(number) is Inexact else number)
    if count < SECONDS_BELOW:
        return Inexact(moment(count * 1000))
    if count > LATEST_MS:
        return Inexact(None)
    return moment(count) if exact else Inexact(moment(count))


class CorrelationItem(msgspec.Struct, forbid_unknown_fields=True):
    """One item of `context.cdata` under strict validation."""

    type: str
    id: str


@dataclass(frozen=True)
class Dialect:
    """A wire format: its envelope, and the path of its kinds' fields."""

    name: str
    envelope: tuple[Leaf, ...]
    root: str  # dotted path that the columns of its kinds are relative to


def _leaf(
    path: str,
    column: str,
    need: Need = Need.OPTIONAL,
    take: Take = take_text,
    give: Give = same,
    *,
    lenient: Form = str,
    held: Form = None,
    strict: Form = str,
) -> Leaf:
    return Leaf(
        path=tuple(path.split(".")),
        column=column,
        of_kind=False,
        take=take,
        give=give,
        need=need,
        lenient_type=lenient,
        held=held,
        strict_type=strict,
    )


def _identifier(path: str, column: str, need: Need = Need.OPTIONAL, held: Form = None) -> Leaf:
    held = held or (Identifier if need is Need.HARD else SoftIdentifier)
    return _leaf(
        path, column, need, take_identifier, held=held, strict=held if need is Need.HARD else Identifier
    )


def _owner_name(owner: Owner) -> str:
    return owner.name


def _source_name(source: Source) -> str | None:
    """Return the name of a source. None for standing ones, because the sent name is in the remainder."""
    return None if source.name.startswith("(") else source.name


SUNBIRD = Dialect(
    name="sunbird",
    root="edata",
    envelope=(
        _leaf("eid", "kind", Need.HARD, take=str.lower, give=str.upper),
        _leaf(
            "ets", "occurred_at", Need.HARD, take_milliseconds, milliseconds, held=LenientNumber, strict=float
        ),
        _leaf("ver", "format_version", Need.HARD, strict=Literal["3.0", "3.1"]),
        _identifier("mid", "client_event_id", Need.HARD, FilledIdentifier),
        _identifier("actor.id", "actor", Need.HARD),
        _leaf("actor.type", "actor_type", Need.HARD),
        _leaf("context.channel", "channel", Need.HARD, held=NotEmpty, strict=NotEmpty),
        _leaf("context.env", "environment", Need.HARD),
        _leaf("context.pdata.id", "source", Need.HARD, take_identifier, _source_name),
        _leaf("context.pdata.pid", "component"),
        _leaf("context.pdata.ver", "version"),
        _leaf("context.pdata.platform", "platform", strict=UNCHECKED),
        _identifier("context.sid", "session"),
        _identifier("context.did", "device"),
        _leaf("context.cdata", "correlation", take=take_list, strict=list[CorrelationItem]),
        *(_leaf(f"context.rollup.l{n}", f"rollup_l{n}", strict=UNCHECKED) for n in range(1, 5)),
        _leaf("object.id", "object_id"),
        _leaf("object.type", "object_type"),
        _leaf("object.ver", "object_version"),
        *(_leaf(f"object.rollup.l{n}", f"object_rollup_l{n}") for n in range(1, 5)),
        _leaf("tags", "tags", take=take_texts, strict=list[str]),
    ),
)

AVAILITY = Dialect(
    name="availity",
    root="",
    envelope=(
        _leaf("owner", "owner", Need.HARD, take_identifier, _owner_name, lenient=Filled),
        _leaf("source_system", "source", Need.HARD, take_identifier, _source_name, lenient=Filled),
        _identifier("sessionId", "session"),
        _identifier("telemetryBody.entries.userId", "actor"),
    ),
)

BUILDLESS = Dialect(
    name="buildless",
    root="",
    envelope=(
        _identifier("event.id", "client_event_id", Need.HARD, BuildlessId),
        _leaf(
            "event.timing.occurred",
            "occurred_at",
            Need.HARD,
            take_occurred,
            lambda at: str(milliseconds(at)),
            held=Uint64Text,
            strict=Uint64Text,
        ),
        _leaf("event.detail.client.agent.name", "source", take=take_identifier, give=_source_name),
    ),
)

DIALECTS = {dialect.name: dialect for dialect in (AVAILITY, SUNBIRD, BUILDLESS)}
