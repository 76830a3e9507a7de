"""A Buildless event is the same event in every encoding and from every encoder."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import pytest
from google.protobuf import json_format

from events.event import Event
from events.ownership import provisioning
from events.store.details import as_wire, detail_of
from events.store.usage import UsageHour
from ingestion.dialects import buildless_pb2
from tests.clients.buildless_event import PROTO, event, without_lists
from tests.clients.filed import Filed
from tests.clients.npm import Clients
from tests.clients.recorder import Recorder
from tests.serving import post

Wire = dict[str, Any]
BINARY = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
ACCEPTED = {"ok": True, "eid": "abcdef0123456789"}


def as_query(event: Wire) -> str:
    """Encode an event as dotted query parameters, as on the published page."""

    def leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if not isinstance(value, dict):
            yield path, json.dumps(value) if isinstance(value, bool) else str(value)
            return
        for key, below in value.items():
            name = "typeUrl" if key == "@type" else key
            yield from leaves(below, f"{path}.{name}" if path else name)

    return urlencode(list(leaves(without_lists(event), "")))


def as_protobuf(event: Wire) -> bytes:
    """Encode an event with Python's protobuf."""
    rest = deepcopy(event)
    data = rest["event"].pop("data")
    message = json_format.ParseDict(rest, buildless_pb2.Event())
    message.event.data.type_url = data["@type"]
    message.event.data.value = b64decode(data["value"])
    return bytes(message.SerializeToString())


def new_key(owner: str) -> str:
    """Create a key for a separate owner: for the same owner, the event would be a duplicate."""
    return provisioning.key(organization_slug="acme", owner_name=owner).text


@pytest.fixture
def emit(recorder: Recorder) -> Callable[..., tuple[int, bytes]]:
    """A function that emits an event for an owner."""

    def emit(
        owner: str, *, query: str = "", body: bytes = b"", headers: Wire | None = None
    ) -> tuple[int, bytes]:
        url = f"{recorder.url}/v1/telemetry/event:emit?{query}"
        return post(url, body, {"Authorization": f"Bearer {new_key(owner)}", **(headers or {})})

    return emit


def emit_by_protobuf_js(clients: Clients, recorder: Recorder, owner: str, event: Wire) -> Any:
    """Emit an event encoded by protobuf.js, and return what Node received."""
    told = {"TALLY_URL": recorder.url, "TALLY_PROTO": str(PROTO), "TALLY_EVENT": json.dumps(event)}
    return clients.run("buildless.mjs", environment={**told, "TALLY_KEY": new_key(owner)})


def filed_by_owner() -> dict[str, Event]:
    """Return the single event of each owner."""
    filed = Filed()
    assert filed.rejected == []
    return {event.owner.name: event for event in filed.events}


def test_json_and_binary_of_two_encoders_are_the_same_event(
    clients: Clients, recorder: Recorder, emit: Callable[..., tuple[int, bytes]]
) -> None:
    sent = event()
    emit("JSON", body=json.dumps(sent).encode(), headers=JSON)
    emit("Python", body=as_protobuf(sent), headers=BINARY)
    emit_by_protobuf_js(clients, recorder, "JavaScript", sent)
    filed = filed_by_owner()

    assert [post.status for post in recorder.posts] == [200, 200, 200]
    assert {owner: as_wire(found) for owner, found in filed.items()} == dict.fromkeys(
        ("JSON", "Python", "JavaScript"), sent
    )
    assert len({found.billed_bytes for found in filed.values()}) == 1
    assert filed["JavaScript"].wire_bytes < filed["JSON"].wire_bytes


def test_query_parameters_give_the_same_event_without_its_lists(
    emit: Callable[..., tuple[int, bytes]],
) -> None:
    sent = event()
    emit("JSON", body=json.dumps(sent).encode(), headers=JSON)
    emit("Query", query=as_query(sent))
    filed = filed_by_owner()
    lists = {"context": sent["event"]["context"], "tool": sent["event"]["detail"]["client"]["tool"]}
    # Plus two braces, minus one comma.
    cost_of_lists = len(json.dumps(lists, ensure_ascii=False, separators=(",", ":")).encode()) - 1

    assert as_wire(filed["Query"]) == without_lists(sent)
    assert filed["JSON"].billed_bytes - filed["Query"].billed_bytes == cost_of_lists


def test_columns_are_the_same_in_every_encoding(
    clients: Clients, recorder: Recorder, emit: Callable[..., tuple[int, bytes]]
) -> None:
    sent = event()
    emit("JSON", body=json.dumps(sent).encode(), headers=JSON)
    emit("Query", query=as_query(sent))
    emit_by_protobuf_js(clients, recorder, "JavaScript", sent)
    filed = filed_by_owner()

    def columns(found: Event) -> Wire:
        own = vars(detail_of(found))
        return {
            name: value
            for name, value in own.items()
            if name not in ("_state", "event_id", "context", "tools")
        }

    assert columns(filed["JSON"]) == columns(filed["JavaScript"]) == columns(filed["Query"])
    assert columns(filed["JSON"])["os_version_release"] == 2**64 - 1
    assert [found.source.name for found in filed.values()] == ["cli"] * 3
    assert len({found.occurred_at for found in filed.values()}) == 1


def test_a_binary_request_gets_a_binary_response(
    clients: Clients, recorder: Recorder, emit: Callable[..., tuple[int, bytes]]
) -> None:
    _, answer = emit("Python", body=as_protobuf(event()), headers=BINARY)
    got = emit_by_protobuf_js(clients, recorder, "JavaScript", event())

    understood = buildless_pb2.EventID.FromString(answer)
    assert (understood.ok, understood.eid) == (True, "abcdef0123456789")
    assert got == {"status": 200, "type": "application/x-protobuf", "reply": ACCEPTED}


def test_protobuf_js_can_decode_a_refusal(clients: Clients, recorder: Recorder) -> None:
    faulty = event()
    faulty["event"]["id"] = "short"
    got = emit_by_protobuf_js(clients, recorder, "JavaScript", faulty)

    assert got["status"] == 400
    assert got["reply"]["error"]["path"] == "event.id"
    assert [rejected.path for rejected in Filed().rejected] == ["event.id"]


def test_fields_missing_from_the_schema_are_returned(emit: Callable[..., tuple[int, bytes]]) -> None:
    unknown = b"\xba\x3e\x03new"  # field 999, a text
    emit("Python", body=as_protobuf(event()) + unknown, headers=BINARY)
    (wire,) = Filed().wire

    assert b64decode(wire.pop("@unknown")) == unknown
    assert wire["event"]["id"] == "abcdef0123456789"


def test_the_same_event_in_another_encoding_is_a_duplicate(recorder: Recorder) -> None:
    sent, headers = event(), {"Authorization": f"Bearer {new_key('Builds')}"}
    url = f"{recorder.url}/v1/telemetry/event:emit"
    post(url, json.dumps(sent).encode(), {**headers, **JSON})
    post(url, as_protobuf(sent), {**headers, **BINARY})
    filed = Filed()

    assert (filed.drained.stored, filed.drained.duplicates) == (1, 1)
    assert UsageHour.objects.get().conflicting == 0
    assert filed.wire == [sent]
