"""Buildless events: three encodings of the same event, streams, responses."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from events.event import Event
from events.kinds.emitted_event import EmittedEvent
from events.store.details import as_wire
from events.store.usage import WarningHour
from ingestion.dialects import buildless_pb2 as pb
from ingestion.rejected.event import RejectedEvent
from tests.sending import EMIT, STREAM, Sender, emitted, file_all, now_ms, only_event

PROTOBUF = "application/x-protobuf"
PING = "/v1/telemetry/event:ping"


def test_ping_needs_no_key(client: Any) -> None:
    assert client.post(PING, data="", content_type="application/json").json() == {}
    # Django's client omits the content type of an empty body unless it is given.
    assert client.generic("POST", PING, b"", CONTENT_TYPE=PROTOBUF).content == b""


def test_an_event_in_json_is_filed_and_its_id_returned(sender: Sender) -> None:
    event = emitted(detail={"client": {"agent": {"name": "cli"}}, "user": {"uid": "u1"}}) | {
        "scope": "build-7"
    }
    response = sender.post(EMIT, event)
    assert (response.status_code, response.json()) == (200, {"ok": True, "eid": "abcdefghij0123456789"})
    file_all()
    stored = only_event()
    assert (stored.source.name, stored.actor, stored.session) == ("cli", "u1", "build-7")
    assert stored.time_hash
    assert as_wire(stored) == event


def same_event(occurred: int) -> tuple[dict[str, Any], str, bytes]:
    """Return one event as JSON, query parameters and protobuf, without a context: a query can't have one."""
    release = 2**63 + 5
    timer = b"\x00\xff timer"
    wire = {
        "collection": "builds",
        "fin": True,
        "index": 3,
        "scope": "build-7",
        "event": {
            "id": "abcdefghij0123456789",
            "ordinal": 2,
            "timer": base64.b64encode(timer).decode(),
            "timing": {"occurred": str(occurred)},
            "location": {"point": {"lat": 1, "lon": -2.5}, "country": "DE"},
            "detail": {
                "client": {
                    "agent": {"name": "cli", "version": {"major": 1, "release": str(release)}},
                    "os": {"family": "LINUX", "arch": "ARM"},
                }
            },
            "data": {"@type": "type.example/x", "value": base64.b64encode(b"payload").decode()},
        },
    }
    query = urlencode(
        {
            "collection": "builds",
            "fin": "true",
            "index": 3,
            "scope": "build-7",
            "event.id": "abcdefghij0123456789",
            "event.ordinal": 2,
            "event.timer": base64.b64encode(timer).decode(),
            "event.timing.occurred": occurred,
            "event.timing.received": occurred,  # output only: ignored
            "event.location.point.lat": "1.0",
            "event.location.point.lon": "-2.5",
            "event.location.country": "DE",
            "event.detail.client.agent.name": "cli",
            "event.detail.client.agent.version.major": 1,
            "event.detail.client.agent.version.release": release,
            "event.detail.client.os.family": "LINUX",
            "event.detail.client.os.arch": "2",
            "event.data.typeUrl": "type.example/x",
            "event.data.value": base64.b64encode(b"payload").decode(),
        }
    )
    message = pb.Event(collection="builds", fin=True, index=3, scope="build-7")
    inner = message.event
    inner.id, inner.ordinal, inner.timer = "abcdefghij0123456789", 2, timer
    inner.timing.occurred, inner.timing.received = occurred, occurred
    inner.location.point.lat, inner.location.point.lon, inner.location.country = 1.0, -2.5, "DE"
    inner.detail.client.agent.name = "cli"
    inner.detail.client.agent.version.major, inner.detail.client.agent.version.release = 1, release
    inner.detail.client.os.family, inner.detail.client.os.arch = pb.LINUX, pb.ARM
    inner.data.type_url, inner.data.value = "type.example/x", b"payload"
    return wire, query, message.SerializeToString()


CONTEXT = {"type": "type.googleapis.com/buildless.context.Build", "event": "started"}


@pytest.mark.parametrize("encoding", ["json", "query", "protobuf"])
def test_the_same_event_is_stored_and_billed_alike_in_every_encoding(sender: Sender, encoding: str) -> None:
    wire, query, binary = same_event(now_ms())
    if encoding == "query":
        response = sender.post(f"{EMIT}?{query}", b"")
    else:
        wire["event"]["context"] = [CONTEXT]
        message = pb.Event.FromString(binary)
        message.event.context.add(**CONTEXT)
        body, media = {
            "json": (json.dumps(wire).encode(), "application/json"),
            "protobuf": (message.SerializeToString(), PROTOBUF),
        }[encoding]
        response = sender.post(EMIT, body, media)
    assert response.status_code == 200, response.content
    if encoding == "protobuf":
        answer = pb.EventID.FromString(response.content)
        assert (answer.ok, answer.eid, response["Content-Type"]) == (True, "abcdefghij0123456789", PROTOBUF)
    file_all()
    stored = only_event()
    assert as_wire(stored) == wire
    assert stored.billed_bytes == len(json.dumps(wire, separators=(",", ":")).encode())


def test_a_query_gets_no_warning_for_fields_it_cannot_have(sender: Sender) -> None:
    _, query, _ = same_event(now_ms())
    sender.post(f"{EMIT}?{query}", b"")
    file_all()
    assert "event.context" not in WarningHour.objects.values_list("path", flat=True)


def test_an_empty_query_is_rejected_for_its_missing_fields(sender: Sender) -> None:
    response = sender.post(EMIT, b"")
    assert (response.status_code, response.json()["error"]["path"]) == (400, "event")
    assert file_all().rejected == 1


def test_unknown_protobuf_fields_are_kept(sender: Sender) -> None:
    _, _, binary = same_event(now_ms())
    message = pb.Event.FromString(binary)
    message.event.context.add(**CONTEXT)
    unknown = b"\xa2\x06\x03abc"  # field 100, text
    assert sender.post(EMIT, message.SerializeToString() + unknown, PROTOBUF).status_code == 200
    file_all()
    assert as_wire(only_event())["@unknown"] == base64.b64encode(unknown).decode()


def test_a_time_in_seconds_is_understood_and_returned_as_sent(sender: Sender) -> None:
    seconds = now_ms() // 1000
    sender.post(EMIT, emitted(timing={"occurred": seconds}))
    file_all()
    assert int(only_event().occurred_at.timestamp()) == seconds
    assert as_wire(only_event())["event"]["timing"] == {"occurred": seconds}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": "short"}, "event.id"),
        ({"id": "with-dashes-in-it"}, "event.id"),
        ({"timing": {}}, "event.timing.occurred"),
        ({"timing": {"occurred": "-1"}}, "event.timing.occurred"),
        ({"context": []}, "event.context"),
        ({"context": [{"type": "other", "event": "x"}]}, "event.context[0].type"),
        ({"data": {"@type": "x/y", "_buildless_x": 1}}, "event.data._buildless_x"),
    ],
)
def test_an_invalid_field_is_refused_with_its_path_and_kept_as_rejected(
    sender: Sender, changes: dict[str, Any], path: str
) -> None:
    response = sender.post(EMIT, emitted(**changes))
    assert response.status_code == 400
    answer = response.json()
    assert (answer["ok"], answer["error"]["path"]) == (False, path)
    file_all()
    assert RejectedEvent.objects.get().path == path


def test_a_body_together_with_parameters_is_refused(sender: Sender) -> None:
    response = sender.post(f"{EMIT}?collection=builds", emitted())
    assert (response.status_code, response.json()["error"]["code"]) == (400, "body_and_query")


def test_octets_are_protobuf_unless_they_begin_like_json(sender: Sender) -> None:
    _, _, binary = same_event(now_ms())
    message = pb.Event.FromString(binary)
    message.event.context.add(**CONTEXT)
    for length in (9, 10, 13, 32):  # its first two bytes are then blanks in JSON
        message.collection, message.event.id = "a" * length, f"abcdefghij{length:010d}"
        response = sender.post(EMIT, message.SerializeToString(), "application/octet-stream")
        assert (response.status_code, response.json()["ok"]) == (200, True)
    assert sender.post(EMIT, emitted(), "application/octet-stream").status_code == 200
    assert file_all().stored == 5
    response = sender.post(EMIT, b"\xff\xff\xff", "application/octet-stream")
    assert response.json()["error"]["code"] == "bad_protobuf"


def test_invalid_protobuf_is_refused(sender: Sender) -> None:
    response = sender.post(EMIT, b"\xff\xff\xff", PROTOBUF)
    assert response.status_code == 400
    assert pb.EventID.FromString(response.content).error.code == "bad_protobuf"


def test_the_key_in_the_url_is_not_stored_with_the_event(make_sender: Any, client: Any) -> None:
    publishable = make_sender()
    query = f"key={publishable.text}&event.id=abcdefghij0123456789&event.timing.occurred={now_ms()}"
    assert client.post(f"{EMIT}?{query}", b"", content_type="text/plain").status_code == 200
    from ingestion.receiving.inbox import InboxRequest

    assert publishable.text.encode() not in bytes(InboxRequest.objects.get().body)
    file_all()
    assert "key" not in as_wire(only_event())


def sid_of(response: Any) -> str:
    sid: str = json.loads(response.content.splitlines()[0])["sid"]
    return sid


@pytest.mark.parametrize(
    "first", ["not json", '{"event": {"id": "short"}}', '{"event": {"id": "undefined"}}']
)
def test_streams_without_a_valid_first_id_get_separate_sessions(sender: Sender, first: str) -> None:
    sids = [
        sid_of(sender.post(STREAM, f"{first}\n{json.dumps(emitted(event_id))}", "application/x-ndjson"))
        for event_id in ("onestream00001", "otherstream002")
    ]
    file_all()
    sessions = dict(Event.objects.values_list("client_event_id", "session"))
    assert sids == [sessions["onestream00001"], sessions["otherstream002"]]
    assert len(set(sids)) == 2


def test_a_streams_id_follows_from_its_first_event(sender: Sender) -> None:
    whole = [json.dumps(emitted(event_id)) for event_id in ("firstevent0001", "secondevent002")]
    refused = json.dumps({"event": {"id": "firstevent0001"}})
    sids = {
        sid_of(sender.post(STREAM, "\n".join(lines), "application/x-ndjson"))
        for lines in (whole, whole[:1], ["junk", *whole], [refused, whole[1]])
    }
    assert len(sids) == 1


def test_only_identical_streams_without_ids_share_a_stream_id(sender: Sender) -> None:
    streams = ("junk", "other junk", "junk\nother junk", "junk")
    sids = [sid_of(sender.post(STREAM, lines, "application/x-ndjson")) for lines in streams]
    assert len(set(sids)) == 3
    assert sids[0] == sids[3]


def test_a_stream_is_answered_line_by_line_and_becomes_a_session(sender: Sender) -> None:
    lines = [
        json.dumps(emitted("firstevent0001")),
        "not json",
        "",
        json.dumps(emitted("x")),
        json.dumps(emitted("lastevent00004")),
    ]
    response = sender.post(STREAM, "\r\n".join(lines), "application/x-ndjson")
    assert (response.status_code, response["Content-Type"]) == (200, "application/x-ndjson")
    as_text = sender.post(STREAM, "", "application/x-ndjson", Accept="text/plain")
    assert as_text["Content-Type"] == "text/plain; charset=utf-8"
    answers = [json.loads(line) for line in response.content.splitlines()]
    assert [answer["ok"] for answer in answers] == [True, False, False, True]
    assert [answer["eid"] for answer in answers] == ["firstevent0001", "", "x", "lastevent00004"]
    assert [answer.get("error", {}).get("code") for answer in answers][1:3] == ["bad_json", "bad_value"]
    sid = answers[0]["sid"]
    assert all("sid" not in answer for answer in answers[1:])
    done = file_all()
    assert (done.stored, done.rejected) == (2, 2)
    assert set(Event.objects.values_list("session", flat=True)) == {sid}
    assert EmittedEvent.objects.count() == 2
