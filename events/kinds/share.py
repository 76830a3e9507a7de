"""SHARE: somebody passes something on (a content, a link, a file, telemetry itself) or is passed it."""

import msgspec
from msgspec import UNSET, UnsetType

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Objects, Text
from events.wire.values import Wire


class Party(msgspec.Struct):
    """The sender or receiver of a shared item. The pipeline's schema allows any members."""

    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class SharedItem(msgspec.Struct, forbid_unknown_fields=True):
    """One shared item, in the pipeline's schema."""

    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    ver: str | UnsetType = UNSET
    params: list[dict[str, Wire]] | UnsetType = UNSET
    origin: Party | UnsetType = UNSET
    to: Party | UnsetType = UNSET


class Share(SunbirdKind):
    """Items shared at once. Source: V3 SHARE."""

    items = Objects(
        need=Need.HARD,
        strict=list[SharedItem],
        help_text="Shared items: {id, type, ver} or obj of these, params, origin{id, type}, to{id, type}.",
    )
    direction = Text("dir", help_text="In or Out.")
    type = Text(help_text="How it is shared: File, Link or Message.")
