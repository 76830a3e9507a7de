"""Regression tests: hostile requests that lost events, blocked drains, caused 5xx or took minutes of CPU."""

import gzip
import json
import time
import tracemalloc
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from django.db import connection

from events.event import Event
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.details import as_wire
from ingestion.dialects import buildless_pb2, jsontext
from ingestion.dialects.decoding import Refused
from ingestion.filing import drain as draining
from ingestion.receiving import request_body
from ingestion.receiving.inbox import InboxRequest
from tests.sending import (
    AVAILITY,
    EMIT,
    SUNBIRD,
    Sender,
    emitted,
    file_all,
    log_event,
    message,
    now_ms,
    only_event,
)

FORM = "application/x-www-form-urlencoded"
BASE = "source_system=s&contact=a@b.c&version=v1&telemetryBody.level=info"
PB = "application/x-protobuf"
pytestmark = pytest.mark.django_db


def pb(**any_: Any) -> Any:
    e = buildless_pb2.Event()
    e.event.id = "abcdefghij0123456789"
    e.event.timing.occurred = now_ms()
    c = e.event.context.add()
    c.type, c.event = "type.googleapis.com/buildless.context.Build", "started"
    return e


# --- accepted, but not filed as answered


def test_form_name_with_nul_and_value_null_is_filed(sender: Sender) -> None:
    assert sender.post(AVAILITY, BASE + "&a%00b=null", FORM).status_code == 201
    assert file_all().stored == 1


def test_form_name_not_utf8_and_value_null_is_filed(sender: Sender) -> None:
    assert sender.post(AVAILITY, BASE + "&a%ffb=undefined", FORM).status_code == 201
    assert file_all().stored == 1


def test_form_names_with_a_backslash_come_back_beside_escaped_text(sender: Sender) -> None:
    assert (
        sender.post(AVAILITY, BASE + "&a%5Cu0041=null&telemetryBody.entries.x=%00", FORM).status_code == 201
    )
    file_all()
    assert "a\\u0041" in as_wire(only_event())


def test_a_whole_float_is_refused_as_time(sender: Sender) -> None:
    event = emitted(timing={"occurred": float(now_ms() - 86_400_000)})
    assert sender.post(EMIT, event).status_code == 400
    assert file_all().rejected == 1


def test_a_retry_can_be_filed_before_the_first_request(sender: Sender) -> None:
    for _ in range(2):
        assert sender.post(AVAILITY, message(), **{"Idempotency-Key": "k"}).status_code == 201
        time.sleep(0.05)
    second = InboxRequest.objects.order_by("-id")[0]
    draining._file_block([second.pk])
    file_all()


def test_a_request_of_a_deleted_owner_does_not_block_the_drain(sender: Sender, make_sender: Any) -> None:
    assert sender.post(AVAILITY, message(owner="Fresh")).status_code == 201
    with (
        connection.cursor() as cursor
    ):  # Django would refuse; a web process with a cached owner may still accept requests
        cursor.execute("DELETE FROM events_owner WHERE name = 'Fresh'")
    sender.batch(log_event())
    for _ in range(6):
        draining.drain_block()
    assert Event.objects.filter(kind="log").exists(), "an event of another owner waits behind it for ever"


def test_attempts_do_not_overflow(sender: Sender) -> None:
    sender.batch(log_event())
    InboxRequest.objects.update(attempts=32_767)
    assert file_all().rejected == 1  # given up without blocking others


# --- 5xx


def test_a_lone_surrogate_in_the_mid_of_an_invalid_event_is_handled(sender: Sender) -> None:
    r = sender.post(SUNBIRD, b'{"events": [{"mid": "\\ud800", "eid": "LOG", "ets": NaN}]}')
    assert r.status_code == 200


def test_a_lone_surrogate_in_the_id_of_an_invalid_buildless_event_is_refused(sender: Sender) -> None:
    r = sender.post(EMIT, b'{"event": {"id": "\\ud800"}, "x": NaN}')
    assert r.status_code == 400


def test_a_nul_in_the_contact_of_a_new_owner_is_handled(sender: Sender) -> None:
    assert sender.post(AVAILITY, message(owner="New1", contact="a\x00@b.c")).status_code < 500


def test_a_surrogate_in_the_contact_of_a_new_owner_is_handled(sender: Sender) -> None:
    assert sender.post(AVAILITY, message(owner="New2", contact="a\ud800@b.c")).status_code < 500


def test_a_contact_in_a_form_that_is_not_utf8_is_handled(sender: Sender) -> None:
    body = "owner=New3&" + BASE.replace("a@b.c", "a%ff@b.c")
    assert sender.post(AVAILITY, body, FORM).status_code < 500


@pytest.mark.parametrize(("first", "second"), [("k", "\u212a"), ("i\u0307", "\u0130"), ("s", "\u017f")])
def test_owner_names_that_unicode_folds_alike_are_accepted(sender: Sender, first: str, second: str) -> None:
    assert sender.post(AVAILITY, message(owner=first)).status_code == 201
    assert sender.post(AVAILITY, message(owner=second)).status_code == 201
    file_all()
    # Names are compared by PostgreSQL's lower(): the Kelvin sign is a k, but a long s isn't an s.
    owners = 1 if second == "\u212a" else 2
    assert Owner.objects.filter(name__in=(first, second)).count() == owners


def test_basic_credentials_that_are_not_ascii_are_refused(sender: Sender) -> None:
    r = sender.client.post(
        SUNBIRD, b"{}", content_type="application/json", headers={"Authorization": "Basic \xe9\xe9"}
    )
    assert r.status_code == 401


def test_a_query_path_of_3000_levels_is_handled(sender: Sender) -> None:
    q = "a." * 3000 + "a=1"
    r = sender.client.post(
        f"{EMIT}?event.id=abcdefghij01&event.timing.occurred={now_ms()}&{q}",
        headers={"X-API-Key": sender.text},
        content_type="",
        data=b"",
    )
    assert r.status_code < 500


def test_a_query_path_of_300_levels_is_refused(sender: Sender) -> None:
    q = "a." * 300 + "a=1"
    r = sender.client.post(
        f"{EMIT}?event.id=abcdefghij01&event.timing.occurred={now_ms()}&{q}",
        headers={"X-API-Key": sender.text},
        content_type="",
        data=b"",
    )
    assert r.status_code == 400, "depth is bounded to 100"


def read(sender: Sender, path: str) -> Any:
    return sender.client.get(path, headers={"Authorization": f"Bearer {sender.text}"})


def test_the_detail_of_an_event_with_a_lone_surrogate_can_be_read(sender: Sender) -> None:
    sender.post(
        SUNBIRD, json.dumps({"events": [log_event(edata={"type": "t", "level": "i", "message": "\ud800"})]})
    )
    file_all()
    assert read(sender, f"/api/v1/events/{only_event().pk}/").status_code == 200


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_protobuf_point_that_is_not_finite_can_be_read(sender: Sender, odd: float) -> None:
    e = pb()
    e.event.location.point.lat = odd
    r = sender.post(EMIT, e.SerializeToString(), PB)
    file_all()
    assert r.status_code == 200
    assert read(sender, f"/api/v1/events/{only_event().pk}/").status_code == 200


def test_a_page_size_of_many_digits_is_handled(sender: Sender) -> None:
    assert read(sender, "/api/v1/events/?page_size=" + "1" * 5000).status_code < 500


def test_a_deeply_nested_cursor_is_handled(sender: Sender) -> None:
    cursor = urlsafe_b64encode(b"[" * 30_000).decode()
    assert read(sender, f"/api/v1/events/?cursor={cursor}").status_code < 500


@pytest.mark.parametrize(
    "values",
    [
        ["0001-01-01T00:00:00+23:59", "00000000-0000-0000-0000-000000000000"],
        ["9999-12-31T23:59:59-23:59", "00000000-0000-0000-0000-000000000000"],
        ["\x00", "\x00"],
        ["\ud800", "\ud800"],
    ],
)
def test_odd_cursors_are_handled(sender: Sender, values: Any) -> None:
    cursor = urlsafe_b64encode(json.dumps([False, *values]).encode()).decode()
    assert read(sender, f"/api/v1/events/?ordering=received_at&cursor={cursor}").status_code < 500


@pytest.mark.parametrize("value", ["9" * 30, "-1", "\x00", "\ud800", "9" * 5000, "1e5", "\u0661"])
def test_odd_cursors_of_rejected_events_are_handled(sender: Sender, value: Any) -> None:
    cursor = urlsafe_b64encode(json.dumps([False, value]).encode()).decode()
    assert read(sender, f"/api/v1/rejected/?cursor={cursor}").status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        "session=%00",
        "owner=%00",
        "source=%ff",
        "client_event_id=%ED%A0%80",
        "occurred_after=0001-01-01T00:00:00%2B14:00",
        "occurred_before=9999-12-31T23:59:59-14:00",
        "received_after=0001-01-01T00:00:00%2B14:00",
        "received_before=9999-12-31T23:59:59-14:00",
        "received_after=9999-12-31T23:59:59.9999999-23:59",
        "seen=1e49",
        "seen=1e999999",
        "seen=1e-999999",
        "seen=NaN",
        "kind=%00",
        "seen=-1",
        "message=%00",
        "occurred_before=0001-01-01",
        "received_after=0001-01-01",
        "received_after=9999-12-31",
    ],
)
@pytest.mark.parametrize("what", ["events", "rejected"])
def test_odd_filters_are_handled(sender: Sender, what: str, query: str) -> None:
    assert read(sender, f"/api/v1/{what}/?{query}").status_code < 500


# --- wrongly judged


def test_protobuf_payload_with_brackets_is_not_deep(sender: Sender) -> None:
    e = pb()
    e.event.data.type_url = "type.example.com/x"
    e.event.data.value = b"[" * 200
    assert sender.post(EMIT, e.SerializeToString(), PB).status_code == 200


def test_form_value_with_braces_is_not_deep(sender: Sender) -> None:
    assert sender.post(AVAILITY, BASE + "&telemetryBody.entries.x=" + "{" * 200, FORM).status_code == 201


def test_form_conflicting_names_are_all_kept(sender: Sender) -> None:
    e = "telemetryBody.entries."
    assert sender.post(AVAILITY, f"{BASE}&{e}a.b=1&{e}a=2&{e}x=1&{e}x[]=2&{e}x[]=3", FORM).status_code == 201
    file_all()
    text = json.dumps(as_wire(only_event()))
    assert all(f'"{n}"' in text for n in "123"), text


def test_bad_owner_name_is_kept_as_rejected(sender: Sender) -> None:
    assert sender.post(AVAILITY, message(owner="x" * 101)).status_code == 400
    assert file_all().rejected == 1


# --- returned in another form


def test_a_source_named_unknown_does_not_replace_a_missing_one(sender: Sender) -> None:
    c = {"channel": "c", "env": "e", "pdata": {"id": "(Unknown)"}}
    d = {"channel": "c", "env": "e", "pdata": {"id": ""}}
    ev = emitted()
    sender.batch(log_event("1", context=c), log_event("2", context=d))
    sender.post(EMIT, ev)
    file_all()
    assert {e.client_event_id: as_wire(e) for e in Event.objects.exclude(dialect="sunbird")} == {
        ev["event"]["id"]: ev
    }


@pytest.mark.parametrize(
    "names", [("\u00c9a", "\u00e9a"), ("\u0391\u03a3", "\u03b1\u03c2"), ("\u0130x", "i\u0307x")]
)
def test_source_names_that_differ_in_case_do_not_overflow(sender: Sender, names: Any) -> None:
    for n, name in enumerate(names):
        sender.batch(log_event(str(n), context={"channel": "c", "env": "e", "pdata": {"id": name}}))
    file_all()
    assert not Source.objects.filter(name="(overflow)").exists(), list(
        Source.objects.values_list("name", flat=True)
    )


def test_built_in_sources_do_not_count_against_the_cap(sender: Sender, settings: Any) -> None:
    settings.MAX_SOURCES = 2
    sender.batch(log_event("0", context={"channel": "c", "env": "e", "pdata": {"id": ""}}))
    file_all()
    for n in "12":
        sender.batch(log_event(n, context={"channel": "c", "env": "e", "pdata": {"id": f"s{n}"}}))
    file_all()
    assert set(Source.objects.values_list("name", flat=True)) == {"(unknown)", "s1", "s2"}


def test_a_nul_and_its_escape_are_different_mids(sender: Sender) -> None:
    ms = now_ms()
    sender.batch(log_event("\x00", ets=ms), log_event("\\u0000", ets=ms))
    assert file_all().stored == 2


def test_the_client_event_id_is_unchanged_if_another_text_is_escaped(sender: Sender) -> None:
    mid = "a\\b"
    sender.batch(log_event(mid, edata={"type": "t", "level": "i", "message": "\x00"}))
    file_all()
    assert only_event().client_event_id == mid


# --- time and memory


def least_cpu(call: Any) -> float:
    """Return the CPU seconds of the fastest of three calls."""

    def once() -> float:
        began = time.process_time()
        call()
        return time.process_time() - began

    return min(once() for _ in range(3))


def test_splitting_an_unterminated_text_takes_linear_time() -> None:
    def run(n: int) -> float:
        return least_cpu(lambda: jsontext.split_list(b'{"events": [' + b'"' + b'\\"' * n, b"events", 9))

    small, large = run(4_000), run(64_000)
    assert large < small * 64, f"{small:.4f} s, sixteen times as long {large:.4f} s: quadratic would be 256"


def test_posting_an_unterminated_text_takes_linear_time(sender: Sender) -> None:
    def run(n: int) -> float:
        return least_cpu(lambda: sender.post(SUNBIRD, b'{"events": ["' + b'\\"' * n))

    small, large = run(4_000), run(64_000)
    assert large < small * 64, f"{small:.4f} s, sixteen times as long {large:.4f} s: quadratic would be 256"


def test_many_empty_gzip_members_are_refused() -> None:
    member = gzip.compress(b"")
    assert request_body.inflate(member * 99, "gzip", 5_000_000) == b""
    with pytest.raises(Refused, match="more than 100"):
        request_body.inflate(member * 50_000, "gzip", 5_000_000)


def test_the_search_for_reserved_keys_takes_little_memory(sender: Sender) -> None:
    event = emitted(data={"k" * 50_000: [0] * 2_000})
    tracemalloc.start()
    sender.post(EMIT, event)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000, f"{peak:,} bytes for an event of 56 kB"
