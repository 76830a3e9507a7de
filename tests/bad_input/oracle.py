"""What must hold for any input: never a 5xx, each event of an accepted request filed, neighbours stored."""

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
COMPARED = 100  # events of a request that are compared with what was sent


def hold(sender: Sender, request: Request) -> Answer:
    """Post the request, file what it left, and hold it to the promise; leaves nothing behind."""
    try:
        with transaction.atomic():
            answer, _ = exchange(sender, request)
            transaction.set_rollback(True)
    finally:
        forget()
    return answer


def forget() -> None:
    """Forget what the process remembers of rows that were rolled back."""
    admission.forget()
    admission.forget()


def exchange(sender: Sender, request: Request) -> tuple[Answer, Filed]:
    """Post the request, file what it left, and hold it to the promise."""
    known = set(Event.objects.values_list("pk", flat=True))
    answer = answer_of(request, send(sender, request))
    assert answer.status in (200, 201) or answer.status in CLIENTS_FAULT, answer
    waiting = sum(InboxRequest.objects.values_list("events", flat=True))
    done = drain()
    filed = done.stored + done.duplicates + done.rejected
    assert filed == waiting, f"{waiting} events waited, {done}"
    assert not InboxRequest.objects.exists(), "something waits after a drain"
    if answer.status < 300:
        _hold_accepted(request, answer, done, known)
    else:
        _hold_refused(answer, done)
    assert differences() == []
    assert not RejectedEvent.objects.filter(code="unfileable").exists()
    return answer, done


def _hold_accepted(request: Request, answer: Answer, done: Filed, known: set[Any]) -> None:
    assert done.stored + done.duplicates + done.rejected == answer.events, f"{answer}: {done}"
    assert done.stored <= answer.accepted
    # What is rejected twice with the same bytes is kept once.
    assert done.rejected <= len(answer.rejected)
    assert done.duplicates or (done.stored, done.rejected) == (answer.accepted, len(answer.rejected))
    stored = Counter(Event.objects.values_list("client_event_id", flat=True))
    for name in GOOD:
        if f'"{name}"'.encode() in request.body:
            assert stored[name], f"the good neighbour {name} is not stored"
    _hold_way_back(request, answer, known)


def _hold_refused(answer: Answer, done: Filed) -> None:
    """A refusal keeps nothing, but for the one event of a request whose answer is a rejection."""
    assert (done.stored, done.duplicates) == (0, 0), f"{answer}: {done}"
    assert answer.code
    assert answer.message.endswith((".", "?")), answer.message
    if done.rejected:
        kept = RejectedEvent.objects.get()
        assert (kept.code, kept.message) == (answer.code, answer.message)


def _hold_way_back(request: Request, answer: Answer, known: set[Any]) -> None:
    """What was accepted as JSON comes back as it was sent."""
    events = [event for index, event in enumerate(_sent(request)) if index not in answer.rejected]
    if not events:
        return
    assert len(events) == answer.accepted
    sent = set(map(_same, events))
    filed = Event.objects.exclude(pk__in=known).select_related("owner", "source")
    for event in filed[:COMPARED]:
        assert _same(as_wire(event)) in sent


def _same(value: Any) -> Any:
    """What can be looked up in a set, and is equal where JSON values are."""
    return _frozen(exact(value))


def _frozen(value: Any) -> Any:
    if type(value) is dict:
        return frozenset((key, _frozen(below)) for key, below in value.items())
    return tuple(map(_frozen, value)) if type(value) is list else value


def _sent(request: Request) -> list[Any]:
    """The events of a request that is plain JSON; none of any other."""
    if "Content-Encoding" in request.headers or not request.body:
        return []
    if request.path == STREAM:
        return [_value(line) for line in request.body.split(b"\n") if line.strip()]
    value = _value(request.body)
    if request.path == SUNBIRD:
        return value["events"] if isinstance(value, dict) else []
    return [value] if value is not None else []


def _value(text: bytes) -> Any:
    """The JSON value of a text, None where it has none; what is no UTF-8 in it was rejected."""
    try:
        return json.loads(text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
