"""Rules of Buildless alone: contexts, reserved keys, and null, numbers and enums in proto3 JSON."""

from typing import Any

import pytest

from events.kinds import KINDS
from events.wire.schema import Taken, Warned
from tests.wire import samples

ENTRY = KINDS["emitted_event"]
JSON = ENTRY.held(strict=False, encoding="json")
QUERY = ENTRY.held(strict=False, encoding="query")
TYPE = "type.googleapis.com/buildless.context.Build"


def fault_of(path: str, value: Any) -> tuple[str, str] | None:
    """Return code and path of the error for a complete event with `value` at `path`."""
    fault = JSON.validator.fault_of(samples.with_value(samples.complete("emitted_event"), path, value))
    return fault and (fault.code, fault.path)


def taken(path: str, value: Any) -> Taken:
    event = samples.with_value(samples.complete("emitted_event"), path, value)
    return ENTRY.schema.take(event, JSON.soft)


def test_query_parameters_need_no_context() -> None:
    event = samples.without(samples.minimal("emitted_event"), "event.context")

    assert QUERY.validator.fault_of(event) is None
    assert ENTRY.schema.take(event, QUERY.soft).warnings == []


@pytest.mark.parametrize("path", ["event.id", "event.timing.occurred"])
def test_query_parameters_need_an_id_and_a_time(path: str) -> None:
    fault = QUERY.validator.fault_of(samples.without(samples.complete("emitted_event"), path))

    assert fault is not None
    assert (fault.code, fault.path) == ("missing", path)


@pytest.mark.parametrize(
    ("context", "code", "where"),
    [
        ({"event": "x"}, "missing", ".type"),
        ({"type": TYPE}, "missing", ".event"),
        ({"type": "", "event": "x"}, "empty", ".type"),
        ({"type": TYPE, "event": ""}, "empty", ".event"),
        ({"type": "type.googleapis.com/other.Build", "event": "x"}, "bad_value", ".type"),
        ({"type": "type.googleapis.com/buildless.context.", "event": "x"}, "bad_value", ".type"),
        ({"type": TYPE + "x" * 64, "event": "x"}, "bad_length", ".type"),
        ({"type": TYPE, "event": "x" * 65}, "bad_length", ".event"),
        ({"type": TYPE, "event": "x", "resource": "shop"}, "bad_value", ".resource"),
        ({"type": TYPE, "event": "x", "resource": "project::"}, "bad_value", ".resource"),
        ({"type": TYPE, "event": "x", "resource": "p::" + "x" * 128}, "bad_length", ".resource"),
        ({"type": TYPE, "event": "x", "resource": "p::x", "action": "x" * 33}, "bad_length", ".action"),
        ({"type": TYPE, "event": "x", "action": "compile"}, "bad_value", ""),
        ({"type": TYPE, "event": "x", "action": "compile", "resource": None}, "bad_value", ""),
        ("x", "wrong_type", ""),
    ],
)
def test_fields_of_a_context_are_validated(context: Any, code: str, where: str) -> None:
    good = {"type": TYPE, "event": "x"}

    assert fault_of("event.context", [good, context]) == (code, f"event.context[1]{where}")


@pytest.mark.parametrize(
    "context",
    [
        {"resource": None, "action": None},
        {"resource": "", "action": ""},
        {"resource": "project::web-shop", "action": "compile"},
        {"resource": "project::a::b"},
        {"unknown": {"any": None}},
    ],
)
def test_optional_fields_of_a_context_may_be_missing(context: Any) -> None:
    assert fault_of("event.context", [{"type": TYPE, "event": "x", **context}]) is None


@pytest.mark.parametrize("collection", ["abc", "A" * 32, None, ""])
def test_a_collection_has_letters_or_is_missing(collection: Any) -> None:
    assert fault_of("collection", collection) is None


@pytest.mark.parametrize(
    ("collection", "code"),
    [
        ("ab", "bad_value"),
        ("a" * 33, "bad_value"),
        ("ab1", "bad_value"),
        ("abc\n", "bad_value"),
        (5, "wrong_type"),
    ],
)
def test_an_invalid_collection_is_refused(collection: Any, code: str) -> None:
    assert fault_of("collection", collection) == (code, "collection")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"_buildless_x": 1}, "event.data._buildless_x"),
        ({"my_buildless_key": 1}, "event.data.my_buildless_key"),
        ({"a": {"b": [1, {"buildless": None}]}}, "event.data.a.b[1].buildless"),
    ],
)
def test_a_reserved_key_is_refused_at_any_depth(data: Any, where: str) -> None:
    assert fault_of("event.data", data) == ("reserved_key", where)


@pytest.mark.parametrize(
    "data",
    [
        {"@type": "type.googleapis.com/buildless.context.Build"},
        {"key": "buildless"},
        {"Buildless": 1},
        None,
        "buildless",
        [{}],
    ],
)
def test_other_data_is_accepted(data: Any) -> None:
    assert fault_of("event.data", data) is None


def test_very_deep_data_is_checked() -> None:
    deep: Any = {"buildless": 1}
    for _ in range(5000):
        deep = [deep]
    event = samples.minimal("emitted_event")
    event["event"]["data"] = {"a": deep}

    fault = JSON.validator.fault_of(event)

    assert fault is not None
    assert fault.code == "reserved_key"
    assert len(fault.path) <= 200


@pytest.mark.parametrize("occurred", ["1760000000123", 1760000000123, "0", 0, 2**64 - 1], ids=repr)
def test_a_time_is_an_unsigned_number_or_its_text(occurred: Any) -> None:
    assert fault_of("event.timing.occurred", occurred) is None


@pytest.mark.parametrize("occurred", ["", "-1", "1.5", "0x1", "1" * 20, -1, 1.5, None, True], ids=repr)
def test_other_values_are_not_a_time(occurred: Any) -> None:
    assert fault_of("event.timing.occurred", occurred) is not None


@pytest.mark.parametrize(
    ("sent", "ms"), [(1_760_000_000, 1_760_000_000_000), (1_760_000_000_123, 1_760_000_000_123)]
)
def test_a_small_time_is_in_seconds(sent: int, ms: int) -> None:
    at = taken("event.timing.occurred", str(sent)).envelope["occurred_at"]

    assert at.timestamp() * 1000 == ms


@pytest.mark.parametrize(
    ("path", "column", "sent", "stored"),
    [
        ("index", "index", 7, 7),
        ("index", "index", "7", 7),
        ("index", "index", 2**32 - 1, 2**32 - 1),
        ("event.detail.client.os.version.release", "os_version_release", str(2**64 - 1), 2**64 - 1),
        ("event.detail.client.os.version.release", "os_version_release", 12, 12),
        ("event.detail.client.os.family", "os_family", "LINUX", "LINUX"),
        ("event.detail.client.os.family", "os_family", 2, "LINUX"),
        ("event.detail.repository.provider", "repository_provider", 0, "NO_REPOSITORY_PROVIDER"),
        ("event.timer", "timer", "-_-_", "-_-_"),
        ("event.timer", "timer", "", ""),
        ("event.timer", "timer", "A" * 43, "A" * 43),
    ],
)
def test_every_proto3_json_spelling_is_stored(path: str, column: str, sent: Any, stored: Any) -> None:
    found = taken(path, sent)

    assert found.kind[column] == stored
    assert found.warnings == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("index", -1),
        ("index", 2**32),
        ("index", "4294967296"),
        ("index", "x"),
        ("fin", "true"),
        ("event.detail.client.os.family", "PLAN9"),
        ("event.detail.client.os.family", 99),
        ("event.detail.client.os.version.release", str(2**64)),
        ("event.detail.client.os.version.release", "-1"),
        ("event.timer", "A" * 44),
        ("event.timer", "not base64!"),
        ("event.detail.user.email", "AAAA"),
    ],
)
def test_an_odd_value_is_stored_with_a_warning(path: str, value: Any) -> None:
    found = taken(path, value)

    assert fault_of(path, value) is None
    assert found.warnings == [Warned(path, "wrong_type")]
    assert found.extra is not None
    assert samples.at(found.extra, path) == value


def test_null_means_absent() -> None:
    for leaf in ENTRY.schema.leaves:
        if leaf.dotted not in ("event.id", "event.timing.occurred", "event.context"):
            assert fault_of(leaf.dotted, None) is None
