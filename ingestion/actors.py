"""Actors: all that is kept of one actor of one owner, to be exported or erased.

An actor is who the envelope says acted. Who is only mentioned, in a text or as the object of an event, isn't
looked for: nobody could tell whom a text means.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from typing import Any
from urllib.parse import quote, quote_plus

from django.db import transaction

from events.details import with_details
from events.enrichment.emails import email_hash, is_address
from events.enrichment.facts import USER
from events.event import Event, EventQuerySet
from events.ownership.owner import Owner
from events.sessions.session import Session
from events.store import erasing
from events.store.removing import weeks
from ingestion import jsontext
from ingestion.decoding import text_at
from ingestion.discarded import discard
from ingestion.rejected import RejectedEvent

READ = 500  # rows that are in memory at a time
ERASED = "The actor was erased."
# How the bytes of an event may write an id: as it is, escaped in JSON, or in a form.
_WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: quote(text, safe=""),
    quote_plus,
)
# Where on the wire the actor is; of Buildless's events, in the order in which they are asked.
PATHS = {
    "sunbird": (("actor", "id"),),
    "availity": (("telemetryBody", "entries", "userId"),),
    "buildless": (("event", "user"), ("event", "detail", "user", "uid")),
}


def rejected_of(owner: Owner, actor: str) -> Iterator[RejectedEvent]:
    """The rejected events of an actor, as far as their bytes can be understood; those that can't, if they
    have the actor's id in them.
    """
    forms = _forms(actor)
    holds = " OR ".join(["position(%s::bytea in body) > 0"] * len(forms))
    rows = RejectedEvent.objects.filter(owner=owner)
    # The key may have named who acted, beside the bytes.
    found = rows.extra(where=[f"({holds} OR context ->> %s = %s)"], params=[*forms, USER, actor])  # noqa: S610
    for row in found.order_by("pk").iterator(READ):
        if row.context.get(USER) == actor or _is_of(row, actor, forms):
            yield row


def _forms(actor: str) -> list[bytes]:
    """What an id may look like among bytes; one that is an address, in lower case too."""
    return sorted({write(name).encode() for name in (actor, actor.lower()) for write in _WRITTEN})


def _is_of(row: RejectedEvent, actor: str, forms: list[bytes]) -> bool:
    body = bytes(row.body)
    event = jsontext.glimpse(body)
    for path in PATHS[row.dialect]:
        if named := text_at(event, path):
            return _is_same(named, actor)
    # It doesn't say, or can't be understood: the id as a whole word is enough.
    return any(re.search(rb"(?<![0-9A-Za-z])%s(?![0-9A-Za-z])" % re.escape(form), body) for form in forms)


def _is_same(named: str, actor: str) -> bool:
    return named == actor or (is_address(actor) and email_hash(named) == email_hash(actor))


def erase_rejected(owner: Owner, actor: str, by: str, now: datetime) -> int:
    """Discard the rejected events of an actor, with the sender's own ids; they stay counted as rejected."""
    ids = [row.pk for row in rejected_of(owner, actor)]
    return len(discard(ids, by=by, reason=ERASED, now=now, may_write=[owner.pk], nameless=True))


def sessions_of(owner: Owner, actor: str) -> Iterator[Session]:
    """The sessions that name an actor, whose index is asked."""
    for name in erasing.names_of(actor):
        sessions = Session.objects.filter(owner_id=owner.pk).with_text("actor", name).order_by("started_at")
        yield from sessions.select_related("owner", "source").prefetch_related("pages")


def fingerprint(owner: Owner, actor: str) -> str:
    """What the audit trail calls an actor: who knows the id can prove what was done, nobody can read it."""
    digest = blake2b(actor.encode("utf-8", "surrogatepass"), key=owner.key.bytes, digest_size=8)
    return f"actor {digest.hexdigest()}"


def records(owner: Owner, actor: str) -> Iterator[dict[str, Any]]:
    """All that is kept of an actor, each with the sort of `record` that it is."""
    for week in weeks():
        with transaction.atomic():
            erasing.patiently()
            events = erasing.of_actor(owner, actor, week).select_related("owner", "source")
            for chunk in _chunks(events):
                yield from (_event(*pair) for pair in with_details(chunk))
    for session in sessions_of(owner, actor):
        pages = [page.page for page in session.pages.all()]
        yield {"record": "session", **_columns(session), "pages": pages}
    for row in rejected_of(owner, actor):
        told = {"id": row.pk, "code": row.code, "received_at": row.received_at, "context": row.context}
        yield {"record": "rejected", **told, "body": bytes(row.body).decode("utf-8", "replace")}


def _chunks(events: EventQuerySet) -> Iterator[list[Event]]:
    stream = events.iterator(READ)
    while chunk := list(islice(stream, READ)):
        yield chunk


def line(record: dict[str, Any]) -> str:
    """A record as a line of NDJSON."""
    return json.dumps(record, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _event(event: Event, detail: Any) -> dict[str, Any]:
    wire = event.as_wire(detail) if detail is not None else None
    return {"record": "event", **_columns(event), "wire": wire}


def _columns(row: Event | Session) -> dict[str, Any]:
    """The columns that say something; owner and source by name."""
    values = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields}
    values |= {"owner": row.owner.name, "source": row.source.name}
    return {name: value for name, value in values.items() if value is not None}
