"""Actors: everything that is stored about an actor of an owner, for export and erasure.

The actor is the one that the envelope names. People who are only mentioned, in a text or as the object of an
event, aren't searched for: nobody could tell whom a text means.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from urllib.parse import unquote_to_bytes

from django.db import models, transaction
from django.utils.crypto import salted_hmac

from events.enrichment.emails import email_hash, is_address
from events.enrichment.facts import USER
from events.enrichment.reference import FEDERATED, federated_id
from events.event import Event, EventQuerySet
from events.kinds.base import Kind
from events.ownership.erased import Erased
from events.ownership.owner import Owner
from events.sessions.session import Session
from events.store import erasing
from events.store.details import as_wire, with_details
from events.store.retention import weeks
from ingestion.dialects import jsontext
from ingestion.dialects.decoders import DECODERS
from ingestion.dialects.decoding import text_at
from ingestion.rejected.discarding import discard
from ingestion.rejected.event import RejectedEvent

READ = 500  # rows that are in memory at a time
ERASED = "The actor was erased."
_ESCAPED = re.compile(rb"\\u([0-9a-fA-F]{4})")


def erased(owner: Owner, actor: str, own: frozenset[str] = frozenset()) -> Erased:
    """Return the names of an actor to be erased."""
    return Erased(owner, tuple(erasing.names_of(actor)), is_address(actor), own)


def rejected_of(owner: Owner, actor: str) -> Iterator[RejectedEvent]:
    """Yield the rejected events of an actor; of those that can't be decoded, those that contain the id.

    An event that names this owner can belong to another owner of the organization: a rejected message creates
    no owner, so it goes to the key's.
    """
    forms = [form.encode("utf-8", "surrogatepass") for form in erased(owner, actor).forms(distinctive=False)]
    # A superset: in any case, and bodies that may be escaped. Python decides which ones match.
    holds = " OR ".join(
        ["position(lower(encode(%s::bytea, 'escape')) in lower(encode(body, 'escape'))) > 0"] * len(forms)
    )
    may_hold = r"position('\\u'::bytea in body) > 0 OR encoding IN ('form', 'query')"
    naming = [name for name, decoder in DECODERS.items() if decoder.named_owner]
    others = Owner.objects.filter(organization_id=owner.organization_id).exclude(pk=owner.pk)
    rows = RejectedEvent.objects.filter(
        models.Q(owner=owner)
        | models.Q(owner__in=list(others.values_list("pk", flat=True)), dialect__in=naming)
    )
    # The key may have named who acted, beside the bytes.
    found = rows.extra(  # noqa: S610
        where=[f"({holds} OR {may_hold} OR context ->> %s = %s)"], params=[*forms, USER, actor]
    )
    for row in found.order_by("pk").iterator(READ):
        if row.owner_id != owner.pk and not _names(row, owner):
            continue
        if row.context.get(USER) == actor or _is_of(row, actor, forms):
            yield row


def _is_of(row: RejectedEvent, actor: str, forms: list[bytes]) -> bool:
    body = bytes(row.body)
    event = jsontext.glimpse(body)
    for path in erasing.PATHS[row.dialect]:
        if named := text_at(event, path):
            return _is_same(named, actor)
    # It doesn't say, or can't be understood: the id as a whole word is enough.
    flags = re.IGNORECASE if is_address(actor) else 0
    word = re.compile(rb"(?<![0-9A-Za-z])(?:%s)(?![0-9A-Za-z])" % b"|".join(map(re.escape, forms)), flags)
    return any(word.search(text) for text in (body, _unescaped(body), unquote_to_bytes(body)))


def _names(row: RejectedEvent, owner: Owner) -> bool:
    """True if a message names the owner, or can't be understood and has its name in it."""
    body = bytes(row.body)
    if named := text_at(jsontext.glimpse(body), DECODERS[row.dialect].owner_path):
        return named.strip().lower() == owner.name.lower()
    name = owner.name.lower().encode()
    texts = (body, _unescaped(body), unquote_to_bytes(body.replace(b"+", b" ")))
    return any(name in text.decode("utf-8", "replace").lower().encode() for text in texts)


def _unescaped(body: bytes) -> bytes:
    """Return JSON with its \\u escapes decoded; surrogates stay separate."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "surrogatepass"), body)


def _is_same(named: str, actor: str) -> bool:
    if is_address(actor):
        return email_hash(actor) in (named, email_hash(named))
    return named == actor or (
        FEDERATED in (named[:2], actor[:2]) and federated_id(named) == federated_id(actor)
    )


def erase_rejected(owner: Owner, actor: str, by: str, now: datetime) -> tuple[int, int]:
    """Discard the rejected events of an actor, with the sender's own ids; they stay counted as rejected.

    Returns how many are gone, and how many stay because they are being replayed.
    """
    found = {row.pk: row.owner_id for row in rejected_of(owner, actor)}
    keepers = set(found.values())
    gone = discard(list(found), by=by, reason=ERASED, now=now, may_write=keepers, nameless=True)
    return len(gone), len(found) - len(gone)


def sessions_of(owner: Owner, actor: str) -> Iterator[Session]:
    """Yield the sessions that name an actor, by their index."""
    for name in erasing.names_of(actor):
        sessions = Session.objects.filter(owner_id=owner.pk).with_text("actor", name).order_by("started_at")
        yield from sessions.select_related("owner", "source").prefetch_related("pages")


def fingerprint(owner: Owner, actor: str) -> str:
    """Return the name of an actor in the audit trail.

    The hash is keyed with SECRET_KEY, which isn't in the database: an operator who knows the id can tell
    whether it was erased, but a copy of the database alone isn't enough to test ids.
    """
    known_as = actor.strip().lower() if is_address(actor) else actor
    salt = f"tally.erased.{owner.key}"
    digest = salted_hmac(salt, known_as.encode("utf-8", "surrogatepass"), algorithm="sha256")
    return f"actor {digest.hexdigest()[:16]}"


def records(owner: Owner, actor: str) -> Iterator[dict[str, object]]:
    """Yield everything that is stored about an actor; `record` is event, session or rejected."""
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


def line(record: dict[str, object]) -> str:
    """Return a record as a line of NDJSON."""
    return json.dumps(record, default=_plain, separators=(",", ":"))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _event(event: Event, detail: Kind | None) -> dict[str, object]:
    wire = as_wire(event, detail) if detail is not None else None
    return {"record": "event", **_columns(event), "wire": wire}


def _columns(row: Event | Session) -> dict[str, object]:
    """Return the columns that have a value; owner and source by name."""
    values = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields}
    values |= {"owner": row.owner.name, "source": row.source.name}
    return {name: value for name, value in values.items() if value is not None}
