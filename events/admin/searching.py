"""The search of lists of events: what a person typed, as a question to the envelopes."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q

from events.event import EventQuerySet

HELP = "Id, session, actor, device, key:value"
MAX_KEYS = 100  # of a dotted path: events aren't nested deeper (INGEST_MAX_DEPTH)


class Search(NamedTuple):
    """How to narrow envelopes, and whether an index gives what that leaves."""

    narrow: Callable[[Any], Any]
    is_indexed: bool


def search(events: EventQuerySet, term: str) -> Search | None:
    """What `term` means among events: an id of ours, else a session, else what has no index.

    None where nothing was typed.
    """
    term = term.strip()
    if not term:
        return None
    with suppress(ValueError):
        found = UUID(term)
        if events.filter(pk=found).exists():
            return Search(lambda rows: rows.filter(pk=found), is_indexed=True)
    if events.with_text("session", term).exists():
        return Search(lambda rows: rows.with_text("session", term), is_indexed=True)
    condition = Q(actor=term) | Q(device=term) | Q(client_event_id=term) | unknown_key(term)
    return Search(lambda rows: rows.filter(condition), is_indexed=False)


def unknown_key(term: str) -> Q:
    """Return `key:value` as a condition on unknown keys, also dotted; the value as text, and as JSON."""
    path, colon, text = term.partition(":")
    if not colon or not path.strip() or not text.strip() or path.count(".") >= MAX_KEYS:
        return Q()
    condition = Q(extra__contains=_nested(path, text.strip()))
    with suppress(ValueError, RecursionError):
        value = json.loads(text, parse_constant=_refused)
        if not isinstance(value, str):
            condition |= Q(extra__contains=_nested(path, value))
    return condition


def _nested(path: str, value: Any) -> dict[str, Any]:
    *outer, last = path.strip().split(".")
    found: dict[str, Any] = {last: value}
    for key in reversed(outer):
        found = {key: found}
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
