"""Sunbird batches: paths, the response, invalid events among valid ones, context from headers."""

import gzip
import json
from typing import Any

import pytest

from events.event import Event
from events.kinds.log import Log
from events.store.details import as_wire
from events.store.usage import UsageHour, WarningHour
from events.wire.values import canonical
from ingestion.dialects.sunbird import PATHS
from ingestion.rejected.event import RejectedEvent
from tests.sending import SUNBIRD, MakeSender, Sender, file_all, log_event, now_ms, only_event


@pytest.mark.parametrize("path", PATHS)
def test_every_path_accepts_a_batch(sender: Sender, path: str) -> None:
    response = sender.post(f"/{path}", {"events": [log_event()], "params": {"msgid": "m1"}})
    assert response.status_code == 200
    body = response.json()
    assert (body["params"]["msgid"], body["params"]["status"]) == ("m1", "successful")
    assert body["responseCode"] == "SUCCESS"
    assert body["result"] == {"accepted": 1, "rejected": 0, "rejected_indexes": [], "errors": []}
    assert file_all().stored == 1


def test_an_event_is_stored_in_typed_columns_and_returned_as_sent(sender: Sender) -> None:
    event = log_event(object={}, tags=["a", 'b"\\'], unknown={"deep": [1.0, None]})
    sender.batch(event)
    file_all()
    stored = only_event()
    assert (stored.kind, stored.actor, stored.device, stored.session) == ("log", "u1", "d1", "s1")
    assert stored.source.name == "portal"
    assert Log.objects.get().message == "started"
    assert as_wire(stored) == event
    assert stored.billed_bytes == len(
        json.dumps(canonical(event), separators=(",", ":"), ensure_ascii=False).encode()
    )


def test_gzip_is_inflated(sender: Sender) -> None:
    body = gzip.compress(json.dumps({"events": [log_event()]}).encode())
    assert sender.post(SUNBIRD, body, **{"Content-Encoding": "gzip"}).status_code == 200
    assert file_all().stored == 1


HOSTILE: list[tuple[str, bytes, str]] = [
    ("NaN", b"NaN", "not_finite"),
    ("infinity", b"-Infinity", "not_finite"),
    ("a number beyond doubles", b"1e400", "number_out_of_range"),
    ("300 kB of depth", b"[" * 150_000 + b"]" * 150_000, "too_deep"),
    ("depth over the limit", b"[" * 120 + b"]" * 120, "too_deep"),
    ("bad UTF-8", b'"\xff\xfe"', "bad_utf8"),
    ("20,001 keys", b"{" + b",".join(b'"k%d":1' % n for n in range(20_001)) + b"}", "too_many_keys"),
    ("more than 1 MiB", b'"' + b"x" * 1_048_576 + b'"', "too_large"),
]


@pytest.mark.parametrize(("value", "code"), [pytest.param(v, c, id=n) for n, v, c in HOSTILE])
def test_one_invalid_event_among_40_is_listed_and_39_are_stored(
    sender: Sender, value: bytes, code: str
) -> None:
    events = [json.dumps(log_event(f"L:{n}")).encode() for n in range(40)]
    events[17] = json.dumps(log_event("L:17")).encode()[:-1] + b',"extra":' + value + b"}"
    response = sender.post(SUNBIRD, b'{"events":[' + b",".join(events) + b"]}")
    assert response.status_code == 200, response.content
    result = response.json()["result"]
    assert (result["accepted"], result["rejected_indexes"]) == (39, [17])
    assert result["errors"][0]["code"] == code
    done = file_all()
    assert (done.stored, done.rejected) == (39, 1)
    assert bytes(RejectedEvent.objects.get().body) == events[17]


STORABLE: list[tuple[str, bytes, Any]] = [
    ("NUL", b'"a\\u0000b"', "a\x00b"),
    ("a lone surrogate", b'"\\ud800"', "\ud800"),
    ("a backslash beside NUL", b'"\\\\u0000\\u0000"', "\\u0000\x00"),
    ("300 kB of text", b'"' + b"x" * 300_000 + b'"', "x" * 300_000),
    ("2 to the 64", b"18446744073709551616", 2**64),
    (
        "10,000 keys",
        json.dumps({f"k{n}": n for n in range(10_000)}).encode(),
        {f"k{n}": n for n in range(10_000)},
    ),
    ("a large double", b"1e22", 1e22),
    ("a large double beside a lone surrogate", b'{"n":1e22,"x":"\\ud800"}', {"n": 1e22, "x": "\ud800"}),
    ("a tiny double", b"5e-324", 5e-324),
    ("minus zero", b"-0.0", 0),
    ("astral text", '"\U0001f600\u202e"'.encode(), "\U0001f600\u202e"),
    ("markup", b'"<script>alert(1)</script>"', "<script>alert(1)</script>"),
]


# A hard text field accepts only text; unknown keys accept anything.
PLACES = [
    pytest.param(value, meant, place, id=f"{name} in {place}")
    for name, value, meant in STORABLE
    for place in ("edata.message", "edata.unknown", "unknown")
    if place != "edata.message" or isinstance(meant, str)
]


@pytest.mark.parametrize(("value", "meant", "place"), PLACES)
def test_odd_but_valid_values_are_stored_and_returned_as_sent(
    sender: Sender, value: bytes, meant: Any, place: str
) -> None:
    text = json.dumps(log_event()).encode()
    raw = {
        "edata.message": text.replace(b'"started"', value),
        "edata.unknown": text.replace(b'"message"', b'"unknown": ' + value + b', "message"'),
        "unknown": text[:-1] + b',"unknown":' + value + b"}",
    }[place]
    response = sender.post(SUNBIRD, b'{"events":[' + raw + b"]}")
    assert response.json()["result"]["accepted"] == 1, response.content
    file_all()
    wire = as_wire(only_event())
    found = wire["unknown"] if place == "unknown" else wire["edata"][place.removeprefix("edata.")]
    assert json.dumps(found) == json.dumps(meant), "1e22 and 10000000000000000000000 are equal in Python"


BAD_BODIES = [
    (b"", "bad_json"),
    (b"not json", "bad_json"),
    (b"\xff", "bad_json"),
    (b'{"events":[{"a":01}]}', "bad_json"),
    (b'{"events":[{}]}}', "bad_json"),
    (b"[" * 100_000, "bad_json"),
    (b"null", "no_events"),
    (b"1", "no_events"),
    (b"[]", "no_events"),
    (b"{}", "no_events"),
    (b'{"events":{}}', "no_events"),
    (b'{"events":null}', "no_events"),
]


@pytest.mark.parametrize(("body", "code"), BAD_BODIES)
def test_a_body_that_is_not_a_batch_is_refused_in_sunbirds_envelope(
    sender: Sender, body: bytes, code: str
) -> None:
    response = sender.post(SUNBIRD, body)
    assert response.status_code == 400
    answer = response.json()
    assert answer["responseCode"] == "CLIENT_ERROR"
    assert (answer["params"]["status"], answer["params"]["err"]) == ("failed", code)
    assert file_all().requests == 0


@pytest.mark.parametrize("events", [[None], [1], ["x"], [[]], [{}]])
def test_items_that_are_not_events_are_rejected_by_index(sender: Sender, events: list[Any]) -> None:
    result = sender.batch(*events, log_event())
    assert (result["rejected_indexes"], result["accepted"]) == ([0], 1)
    file_all()


def test_an_empty_batch_is_accepted_and_not_stored(sender: Sender) -> None:
    assert sender.batch() == {"accepted": 0, "rejected": 0, "rejected_indexes": [], "errors": []}
    assert file_all().requests == 0


def test_a_batch_over_the_limit_is_refused(sender: Sender, settings: Any) -> None:
    settings.INGEST_MAX_EVENTS = 2
    assert sender.batch(log_event("1"), log_event("2"))["accepted"] == 2
    response = sender.post(SUNBIRD, {"events": [log_event(str(n)) for n in range(3)]})
    assert (response.status_code, response.json()["params"]["err"]) == (413, "too_many_events")


REJECTED = [
    ({"eid": "NOPE"}, "unknown_kind", "eid"),
    ({"eid": "log"}, "unknown_kind", "eid"),
    ({"eid": 1}, "wrong_type", "eid"),
    ({"mid": ""}, "empty", "mid"),
    ({"mid": None}, "wrong_type", "mid"),
    ({"mid": "x" * 513}, "bad_length", "mid"),
    ({"ets": "x"}, "wrong_type", "ets"),
    ({"ets": True}, "wrong_type", "ets"),
    ({"ets": 1_700_000_000}, "too_old", "ets"),
    ({"ets": -1}, "too_old", "ets"),
    ({"ets": 10**17}, "too_far_ahead", "ets"),
    ({"ets": 1e300}, "too_far_ahead", "ets"),
    ({"actor": {"id": "x" * 513, "type": "User"}}, "bad_length", "actor.id"),
    ({"edata": {"type": 1, "level": "", "message": ""}}, "wrong_type", "edata.type"),
    ({"edata": {"type": "", "level": ""}}, "missing", "edata.message"),
    ({"edata": []}, "wrong_type", "edata"),
]


@pytest.mark.parametrize(("changes", "code", "path"), REJECTED)
def test_an_invalid_event_is_rejected_with_code_path_and_message(
    sender: Sender, changes: dict[str, Any], code: str, path: str
) -> None:
    (error,) = sender.batch(log_event() | changes)["errors"]
    assert (error["code"], error["path"]) == (code, path)
    assert error["message"].endswith((".", "?"))
    assert file_all().rejected == 1
    kept = RejectedEvent.objects.get()
    assert (kept.code, kept.path, kept.message) == (code, path, error["message"])


def test_a_large_batch_sent_three_times_is_stored_and_rejected_once(sender: Sender) -> None:
    events = [log_event(f"L:{n}", ets=now_ms() - n) for n in range(1_000)]
    for n in range(17):
        events[n * 50]["edata"] = {"type": "x", "n": n}
    for _ in range(3):
        result = sender.batch(*events)
        assert (result["accepted"], result["rejected"]) == (983, 17)
        assert result["rejected_indexes"] == [n * 50 for n in range(17)]
        assert len(result["errors"]) == 17
        file_all()
        assert (Event.objects.count(), RejectedEvent.objects.count()) == (983, 17)
    assert set(RejectedEvent.objects.values_list("seen", flat=True)) == {3}
    stored = UsageHour.objects.filter(stored__gt=0)
    assert sum(stored.values_list("stored", flat=True)) == 983
    assert sum(UsageHour.objects.values_list("duplicates", flat=True)) == 2 * 1_000


def test_headers_fill_in_missing_fields_and_are_not_returned(sender: Sender) -> None:
    bare = log_event("bare", context={"env": "e", "pdata": {"id": "p"}})
    full = log_event("full")
    headers = {"X-Channel-ID": "head", "X-Device-ID": "device", "X-App-ID": "app"}
    assert sender.batch(bare, full, **headers)["accepted"] == 2
    file_all()
    found = Event.objects.get(client_event_id="bare")
    assert (found.channel, found.device, found.component) == ("head", "device", "app")
    assert as_wire(found) == bare
    kept = Event.objects.get(client_event_id="full")
    assert (kept.channel, kept.device) == ("c1", "d1")
    assert as_wire(kept) == full


@pytest.mark.parametrize("value", ["undefined", "null", " "])
def test_placeholder_headers_fill_in_nothing(sender: Sender, value: str) -> None:
    event = log_event()
    del event["context"]["did"]
    assert sender.batch(event, **{"x-device-id": value})["accepted"] == 1
    file_all()
    assert only_event().device is None


def test_edata_wrapped_in_edata_is_unwrapped_and_returned_as_sent(sender: Sender) -> None:
    event = log_event(edata={"edata": {"type": "a", "level": "b", "message": "c"}})
    assert sender.batch(event)["accepted"] == 1
    file_all()
    assert Log.objects.get().message == "c"
    assert as_wire(only_event()) == event


def test_missing_or_wrongly_typed_soft_fields_cause_warnings(sender: Sender) -> None:
    event = log_event(eid="START", edata={"type": "app", "mode": 5, "stageid": None})
    assert sender.batch(event)["accepted"] == 1
    file_all()
    warnings = WarningHour.objects.values_list("path", "code", "count")
    assert set(warnings) == {("edata.mode", "wrong_type", 1), ("edata.stageid", "missing", 1)}
    assert as_wire(only_event()) == event


def test_strict_validation_rejects_what_the_reference_pipeline_rejects(make_sender: MakeSender) -> None:
    from events.ownership.owner import Validation

    strict = make_sender(validation=Validation.STRICT)
    unknown = log_event("1", edata={"type": "a", "level": "b", "message": "c", "more": 1})
    result = strict.batch(unknown, log_event("2", ver="2.0"), log_event("3", object=None), log_event("4"))
    assert result["rejected_indexes"] == [0, 1, 2]
    assert [error["path"] for error in result["errors"]] == ["edata.more", "ver", "object"]
    done = file_all()
    assert (done.stored, done.rejected) == (1, 3)


def test_the_response_details_20_errors_and_lists_all_indexes(sender: Sender) -> None:
    result = sender.batch(*({"n": n} for n in range(30)))
    assert (len(result["errors"]), result["rejected_indexes"]) == (20, list(range(30)))


@pytest.mark.parametrize("validation", ["lenient", "strict"])
@pytest.mark.parametrize("form", ["{}.0", "{:.12E}", "{:.12e}"])
def test_a_time_may_have_an_exponent_or_a_fraction(
    make_sender: MakeSender, validation: str, form: str
) -> None:
    sender = make_sender(validation=validation)
    ets = now_ms()
    body = json.dumps({"events": [log_event(ets=ets)]})
    written = form.format(ets) if form == "{}.0" else form.format(float(ets))
    for text in (body, body.replace(str(ets), written)):
        assert sender.post(SUNBIRD, text).json()["result"]["accepted"] == 1
    done = file_all()
    assert (done.stored, done.duplicates) == (1, 1)
    assert UsageHour.objects.get().conflicting == 0
    assert as_wire(only_event())["ets"] == ets
