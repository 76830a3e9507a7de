"""Records: the columns of an event that a summary needs, and its contribution to the summary, by kind.

What counts as page view and interaction, by dialect:

- Sunbird: an IMPRESSION is a page view. An INTERACT is an interaction where its type, in lower case, is one
  of the reference summariser's list. An ERROR is an error.
- Availity: a page load (event `page`, action `load`) is a page view, of the page at its `url` or, without
  one, of its category; every other message is an interaction. One of level error, in any case, is an error.
- Buildless: a build has no pages. Each context with an action (something done to a resource) is an
  interaction. Its events have no level, so none of them is an error.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from events.identity import occurred_ms
from events.wire import typed

# The list of the reference summariser (`WorkFlowSummaryModel`).
INTERACTIONS = frozenset(
    (
        *("touch", "drag", "drop", "pinch", "zoom", "shake", "rotate", "speak", "listen", "write", "draw"),
        *("start", "end", "choose", "activate", "scroll", "click", "edit", "submit", "search"),
        *("dnd", "added", "removed", "selected"),
    )
)

# Characters of a page's id and type in a summary. This limits the memory that a session needs.
MAX_TEXT = 2_000

# The columns of a kind's table from which its meaning is read. Kinds without an entry are only counted.
DETAILS: dict[str, tuple[str, ...]] = {
    "start": ("type", "mode"),
    "impression": ("pageid", "type"),
    "interact": ("type",),
    "ui_action": ("resulting_event", "action", "level", "url", "category"),
    "emitted_event": ("context",),  # as JSON text
}


class Record(NamedTuple):
    """The columns of an event that a summary needs."""

    id: UUID
    kind: str
    dialect: str
    details: Sequence[str | None] | None = None  # the columns of DETAILS
    environment: str | None = None
    actor: str | None = None
    actor_type: str | None = None
    device: str | None = None
    channel: str | None = None
    version: str | None = None
    country: str | None = None
    object_id: str | None = None
    object_type: str | None = None
    object_version: str | None = None
    device_type: str | None = None
    os_name: str | None = None
    is_bot: bool | None = None

    @property
    def occurred_ms(self) -> int:
        """Return milliseconds since 1970. The id begins with them, so sorting by id is sorting by time."""
        return occurred_ms(self.id.int)


ANONYMOUS = "anonymous"


def is_anonymous(record: Record) -> bool:
    """True if the actor isn't a person: the name for anonymous users or, before a login, the device's id."""
    actor = record.actor or ANONYMOUS
    return actor == record.device or actor.lower() == ANONYMOUS


class Meaning(NamedTuple):
    """The contribution of an event to the summary of its session."""

    page: str | None = None  # opened by this event
    page_type: str | None = None
    interactions: int = 0
    errors: int = 0
    type: str | None = None  # of the session
    mode: str | None = None


NOTHING = Meaning()
_INTERACTION = Meaning(interactions=1)
_ERROR = Meaning(errors=1)

Details = Sequence[str | None]


def _start(details: Details) -> Meaning:
    kind, mode = details
    return Meaning(type=(kind or "").lower() or None, mode=mode or None)


def _impression(details: Details) -> Meaning:
    page, kind = details
    return _page(page, kind)


def _page(page: str | None, kind: str | None, errors: int = 0) -> Meaning:
    return Meaning((page or "")[:MAX_TEXT], kind and kind[:MAX_TEXT], errors=errors)


def _interact(details: Details) -> Meaning:
    (kind,) = details
    return _INTERACTION if kind and kind.lower() in INTERACTIONS else NOTHING


def _ui_action(details: Details) -> Meaning:
    event, action, level, url, category = details
    errors = int((level or "").lower() == "error")
    if event == "page" and action == "load":
        return _page(url or category, category, errors)
    return Meaning(interactions=1, errors=errors)


class _Context(msgspec.Struct):
    """The parsed part of a context. Everything else is skipped, whatever numbers it contains."""

    action: Any = None


_decode_contexts = typed.decoder(list[_Context])


def _emitted_event(details: Details) -> Meaning:
    (context,) = details
    items = _decode_contexts(context) if context else []
    return Meaning(interactions=sum(bool(item.action) for item in items))


_MEANINGS: dict[str, Callable[[Details], Meaning]] = {
    "start": _start,
    "impression": _impression,
    "interact": _interact,
    "ui_action": _ui_action,
    "emitted_event": _emitted_event,
}


def meaning(record: Record) -> Meaning:
    """Return the contribution of a record to its session."""
    if record.details is not None:
        return _MEANINGS[record.kind](record.details)
    return _ERROR if record.kind == "error" else NOTHING
