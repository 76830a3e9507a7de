"""Facts of the request that an event came with, as exports state them: an import files the event with them.

They are what enrichment took from headers, address and key, and the wire form doesn't have.
"""

from collections.abc import Iterable

from events.enrichment import account, facts
from events.event import Event
from events.kinds import KINDS
from events.kinds.base import Kind
from events.ownership.owner import OverQuota
from events.wire.dialects import DIALECTS
from events.wire.values import FILLED, Wire

OF_HEADERS = f"{FILLED}context."  # what the headers of a batch filled in
SCOPE = "tenant::"


def facts_of(event: Event, detail: Kind) -> dict[str, str]:
    """Return the facts by name, as texts."""
    found = {"wire_bytes": str(event.wire_bytes)}
    for name in facts.COLUMNS:
        if (value := getattr(event, name)) is not None:
            found[name] = str(value)
    if event.user_agent:
        found[facts.USER_AGENT] = event.user_agent
    if event.client_event_id is not None and event.dialect in _WITHOUT_IDS:
        found["idempotency_key"] = event.client_event_id
    if event.over_quota:
        found["over_quota"] = OverQuota.MARK.value
    if event.dialect == "buildless":
        found |= _of_account(event, detail)
    filled = [note for note in event.adaptations or () if note.startswith(OF_HEADERS)]
    if filled:
        sent = KINDS[event.kind].schema.give(event, detail, event.extra)
        found |= {note: _text_at(sent, note.removeprefix(FILLED).split(".")) for note in filled}
    return found


_WITHOUT_IDS = frozenset(
    name
    for name, dialect in DIALECTS.items()
    if all(leaf.column != "client_event_id" for leaf in dialect.envelope)
)


def _of_account(event: Event, detail: Kind) -> dict[str, str]:
    found = {"sid": event.session} if event.session else {}
    scope, user = getattr(detail, "account_scope", None), getattr(detail, "user", None)
    if scope and scope.startswith(SCOPE):
        found[facts.TENANT] = scope.removeprefix(SCOPE)
    path = account.PATHS["user"]
    if user and (FILLED + ".".join(path) in (event.adaptations or ()) or _text_at(event.extra, path)):
        found[facts.USER] = user
    return found


def _text_at(value: Wire, path: Iterable[str]) -> str:
    for key in path:
        value = value.get(key) if type(value) is dict else None
    return value if type(value) is str else ""
