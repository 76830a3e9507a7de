"""Checks for any input: no 5xx, every event of an accepted request filed, valid neighbours stored."""

import json
from collections import Counter
from typing import Any

from django.db import transaction

from events.event import Event
from events.store.details import as_wire
from ingestion.filing.drain import drain
from ingestion.filing.pipeline import Filed
from ingestion.receiving import admission
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected.event import RejectedEvent
from tests.bad_input.exchange import Answer, Request, answer_of, send
from tests.sending import STREAM, SUNBIRD, Sender, differences
from tests.wire.rows import exact

GOOD = ("good-first", "good-last", "goodevent000001", "goodevent000002")
CLIENTS_FAULT = range(400, 500)
COMPARED = 100  # events per request that are compared with what was sent


def send_and_verify(sender: Sender, request: Request) -> Answer:
    """Post and file the request, check what must hold for any input, and roll everything back."""
    try:
        with transaction.atomic():
            answer, _ = exchange(sender, request)
            transaction.set_rollback(True)
    finally:
        forget()
    return answer


def forget() -> None:
    """Forget cached data about rows that were rolled back."""
    admission.forget()
    admission.forget()


def exchange(sender: Sender, request: Request) -> tuple[Answer, Filed]:
    """Post and file the request, and check what must hold for any input."""
    known = set(Event.objects.values_list("pk", flat=True))
    answer = answer_of(request, send(sender, request))
    assert answer.status in (200, 201) or answer.status in CLIENTS_FAULT, answer
    waiting = sum(InboxRequest.objects.values_list("events", flat=True))
    done = drain()
    filed = done.stored + done.duplicates + done.rejected
    assert filed == waiting, f"{waiting} events waited, {done}"
    assert not InboxRequest.objects.exists(), "requests wait after a drain"
    if answer.status < 300:
        _verify_accepted(request, answer, done, known)
    else:
        _verify_refused(answer, done)
    assert differences() == []
    assert not RejectedEvent.objects.filter(code="unfileable").exists()
    return answer, done


def _verify_accepted(request: Request, answer: Answer, done: Filed, known: set[Any]) -> None:
    assert done.stored + done.duplicates + done.rejected == answer.events, f"{answer}: {done}"
    assert done.stored <= answer.accepted
    # Events rejected twice with the same bytes are kept once.
    assert done.rejected <= len(answer.rejected)
    assert done.duplicates or (done.stored, done.rejected) == (answer.accepted, len(answer.rejected))
    stored = Counter(Event.objects.values_list("client_event_id", flat=True))
    for name in GOOD:
        if f'"{name}"'.encode() in request.body:
            assert stored[name], f"the good neighbour {name} is not stored"
    _verify_round_trip(request, answer, known)


def _verify_refused(answer: Answer, done: Filed) -> None:
    """Check that a refused request keeps nothing, except a single event as rejected."""
    assert (done.stored, done.duplicates) == (0, 0), f"{answer}: {done}"
    assert answer.code
    assert answer.message.endswith((".", "?")), answer.message
    if done.rejected:
        kept = RejectedEvent.objects.get()
        assert (kept.code, kept.message) == (answer.code, answer.message)


def _verify_round_trip(request: Request, answer: Answer, known: set[Any]) -> None:
    """Events accepted as JSON are returned as sent."""
    events = [event for index, event in enumerate(_sent(request)) if index not in answer.rejected]
    if not events:
        return
    assert len(events) == answer.accepted
    sent = set(map(_same, events))
    filed = Event.objects.exclude(pk__in=known).select_related("owner", "source")
    for event in filed[:COMPARED]:
        assert _same(as_wire(event)) in sent


def _same(value: Any) -> Any:
    """Return a hashable value that is equal if and only if the JSON values are."""
    return _frozen(exact(value))


def _frozen(value: Any) -> Any:
    if type(value) is dict:
        return frozenset((key, _frozen(below)) for key, below in value.items())
    return tuple(map(_frozen, value)) if type(value) is list else value


def _sent(request: Request) -> list[Any]:
    """Return the events of a plain JSON request, or none for other requests."""
    if "Content-Encoding" in request.headers or not request.body:
        return []
    if request.path == STREAM:
        return [_value(line) for line in request.body.split(b"\n") if line.strip()]
    value = _value(request.body)
    if request.path == SUNBIRD:
        return value["events"] if isinstance(value, dict) else []
    return [value] if value is not None else []


def _value(text: bytes) -> Any:
    """Parse JSON, or return None if it isn't valid. Invalid UTF-8 was rejected before."""
    try:
        return json.loads(text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
