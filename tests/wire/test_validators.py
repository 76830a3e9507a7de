"""Errors have a stable code, the path of the field, and a message."""

from typing import Any

import msgspec
import pytest

from events.kinds import KINDS
from events.wire.validators import MAX_SHOWN, Fault, explain
from tests.wire import samples

TOO_LONG = "x" * 513
CONTEXT = samples.minimal("emitted_event")["event"]["context"][0]

LENIENT: list[tuple[str, str, Any, Fault]] = [
    ("log", "ets", "abc", Fault("wrong_type", "ets", "ets must be a number.")),
    ("log", "ets", "12\n", Fault("wrong_type", "ets", "ets must be a number.")),
    ("log", "ets", None, Fault("wrong_type", "ets", "ets must be a number or text, not null.")),
    (
        "summary",
        "edata.timespent",
        "1h",
        Fault("wrong_type", "edata.timespent", "edata.timespent must be a number."),
    ),
    ("log", "mid", "", Fault("empty", "mid", "mid must not be empty.")),
    ("log", "mid", TOO_LONG, Fault("bad_length", "mid", "mid has more than 512 characters.")),
    ("log", "mid", 5, Fault("wrong_type", "mid", "mid must be text, not a whole number.")),
    (
        "log",
        "context.sid",
        TOO_LONG,
        Fault("bad_length", "context.sid", "context.sid has more than 512 characters."),
    ),
    ("log", "context.channel", "", Fault("empty", "context.channel", "context.channel must not be empty.")),
    ("log", "context", [], Fault("wrong_type", "context", "context must be an object, not a list.")),
    (
        "log",
        "edata.level",
        1.5,
        Fault("wrong_type", "edata.level", "edata.level must be text, not a number."),
    ),
    (
        "log",
        "edata.level",
        True,
        Fault("wrong_type", "edata.level", "edata.level must be text, not true or false."),
    ),
    (
        "share",
        "edata.items",
        {},
        Fault("wrong_type", "edata.items", "edata.items must be a list, not an object."),
    ),
    (
        "ui_action",
        "customerId",
        1194,
        Fault("wrong_type", "customerId", "customerId must be text, not a whole number."),
    ),
    (
        "ui_action",
        "contact",
        "nobody",
        Fault("bad_value", "contact", "contact must be an e-mail address."),
    ),
    (
        "emitted_event",
        "event.id",
        "short",
        Fault("bad_value", "event.id", "event.id must be 12 to 64 letters or digits."),
    ),
    (
        "emitted_event",
        "event.timing.occurred",
        -1,
        Fault("bad_value", "event.timing.occurred", "event.timing.occurred must be 0 or more."),
    ),
    (
        "emitted_event",
        "event.context",
        [],
        Fault("empty", "event.context", "event.context must not be empty."),
    ),
    (
        "emitted_event",
        "event.context",
        [CONTEXT] * 11,
        Fault("bad_length", "event.context", "event.context has more than 10 items."),
    ),
    (
        "emitted_event",
        "event.context",
        [CONTEXT, {"type": CONTEXT["type"]}],
        Fault("missing", "event.context[1].event", "event.context[1].event is required."),
    ),
    (
        "emitted_event",
        "event.context",
        [{**CONTEXT, "action": "compile"}],
        Fault("bad_value", "event.context[0]", "event.context[0]: An action needs a resource."),
    ),
]

STRICT: list[tuple[str, str, Any, Fault]] = [
    (
        "log",
        "edata.colour",
        "red",
        Fault("unknown_field", "edata.colour", "edata.colour is not a field of this event."),
    ),
    ("log", "ver", "2.0", Fault("bad_value", "ver", "ver has a value that isn't allowed.")),
    ("log", "ets", "12", Fault("wrong_type", "ets", "ets must be a number, not text.")),
    ("log", "ets", 10**400, Fault("bad_value", "ets", "ets is outside the range of numbers.")),
    ("log", "tags", [1], Fault("wrong_type", "tags[0]", "tags[0] must be text, not a whole number.")),
    ("log", "object", None, Fault("wrong_type", "object", "object must be an object, not null.")),
    (
        "start",
        "edata.dspec",
        {"mem": -2},
        Fault("bad_value", "edata.dspec.mem", "edata.dspec.mem must be -1.0 or more."),
    ),
]


def _ids(cases: list[tuple[str, str, Any, Fault]]) -> list[str]:
    return [f"{path} is {value!r:.20}" for _, path, value, _ in cases]


@pytest.mark.parametrize(("kind", "path", "value", "fault"), LENIENT, ids=_ids(LENIENT))
def test_a_lenient_error_has_code_path_and_message(kind: str, path: str, value: Any, fault: Fault) -> None:
    event = samples.with_value(samples.complete(kind), path, value)

    assert KINDS[kind].lenient.validator.fault_of(event) == fault


@pytest.mark.parametrize(("kind", "path", "value", "fault"), STRICT, ids=_ids(STRICT))
def test_a_strict_error_has_code_path_and_message(kind: str, path: str, value: Any, fault: Fault) -> None:
    event = samples.with_value(samples.without(samples.complete(kind), "tags"), path, value)
    if kind == "start":
        event["edata"] = {"type": "app", "dspec": value}

    assert KINDS[kind].held(strict=True, encoding="json").validator.fault_of(event) == fault


def test_a_missing_field_is_reported_with_its_path() -> None:
    event = samples.without(samples.complete("assess"), "edata.item.id")

    fault = KINDS["assess"].lenient.validator.fault_of(event)

    assert fault == Fault("missing", "edata.item.id", "edata.item.id is required.")


def test_an_event_must_be_an_object() -> None:
    fault = KINDS["log"].lenient.validator.fault_of([])  # type: ignore[arg-type]

    assert fault == Fault("wrong_type", "", "The event must be an object, not a list.")


@pytest.mark.parametrize("key", ["two\nlines", "tick`tick", "{braces}", " - at `$.x`", ""], ids=repr)
def test_any_unknown_key_can_be_reported(key: str) -> None:
    event = samples.complete("log")
    event["edata"][key] = 1

    fault = KINDS["log"].held(strict=True, encoding="json").validator.fault_of(event)

    assert fault is not None
    assert (fault.code, fault.path) == ("unknown_field", f"edata.{key}")


def test_a_long_key_is_truncated_in_the_error() -> None:
    event = samples.complete("log")
    event["edata"]["k" * 1_000_000] = 1

    fault = KINDS["log"].held(strict=True, encoding="json").validator.fault_of(event)

    assert fault is not None
    assert len(fault.path) == MAX_SHOWN
    assert fault.path.endswith("…")


def test_an_unexpected_message_of_msgspec_is_passed_on() -> None:
    assert explain("Something else - at `$.edata`") == Fault("bad_value", "edata", "edata: Something else.")


def test_the_number_pattern_matches_msgspecs_message() -> None:
    # `explain` relies on msgspec's wording, which another release might change.
    from events.wire.columns import LenientNumber

    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert("abc", LenientNumber)

    assert explain(str(caught.value)).code == "wrong_type"
