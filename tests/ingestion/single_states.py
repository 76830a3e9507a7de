"""States of Availity's messages and Buildless's events in each encoding; `v3_states` has those of V3."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from google.protobuf import json_format

from ingestion.dialects import buildless_pb2
from tests.ingestion.v3_states import WRONG, State, fields_of
from tests.sending import AVAILITY, EMIT, Sender, now_ms
from tests.wire import samples

Wire = Any
FORM = "application/x-www-form-urlencoded"
PROTOBUF = "application/x-protobuf"

# From the documents: required fields, and fields whose absence is only a warning.
AVAILITY_JSON = {
    "customerId", "contact", "owner", "source_system", "version", "telemetryBody.level",
    "telemetryBody.entries.action", "telemetryBody.entries.label", "telemetryBody.entries.event",
    "telemetryBody.entries.category",
}  # fmt: skip
AVAILITY_FORM = {"source_system", "contact", "version", "telemetryBody.level"}
BUILDLESS = {"event.id", "event.timing.occurred", "event.context"}
BUILDLESS_SOFT = {
    "event.detail.tenant.oid", "event.detail.tenant.name", "event.detail.user.uid", "event.detail.user.email",
    "event.detail.repository.provider", "event.detail.repository.link", "event.detail.client.os.name",
    "event.detail.client.os.family", "event.detail.client.os.arch",
}  # fmt: skip


def flat(value: Wire, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield a form's names and values, without values that a form can't express."""
    for key, below in value.items():
        name = f"{path}.{key}".lstrip(".")
        if type(below) is dict:
            yield from flat(below, name)
        else:
            yield (name, "null" if below is None else str(below))


def post_json(sender: Sender, path: str, event: Wire) -> Any:
    return sender.post(path, event)


def post_form(sender: Sender, path: str, event: Wire) -> Any:
    return sender.post(path, urlencode(list(flat(event))), FORM)


def post_query(sender: Sender, path: str, event: Wire) -> Any:
    pairs = [(name.replace("@type", "typeUrl"), value) for name, value in flat(event)]
    return sender.post(f"{path}?{urlencode(pairs)}", b"")


def post_protobuf(sender: Sender, path: str, event: Wire) -> Any:
    event = deepcopy(event)
    data = event.get("event", {}).pop("data", None)
    message = json_format.ParseDict(event, buildless_pb2.Event())
    if data:
        message.event.data.type_url, message.event.data.value = data["@type"], b"\x00\xff"
    return sender.post(path, message.SerializeToString(), PROTOBUF)


Post = Callable[[Sender, str, Wire], Any]


def as_text(value: Wire) -> Wire:
    """Return an event as a form expresses it, with all values as text."""
    if type(value) is dict:
        return {key: as_text(below) for key, below in value.items()}
    return "null" if value is None else str(value)


def as_protobuf(value: Wire) -> Wire:
    """Return an event as protobuf expresses it, without zero, false and empty values."""
    if type(value) is not dict:
        return value
    return {key: as_protobuf(below) for key, below in value.items() if below not in (0, "", False)}


@dataclass(frozen=True)
class Encoding:
    """An encoding of a kind: how it is posted, and what is required of it."""

    kind: str
    path: str
    post: Post
    hard: set[str]
    soft: set[str]
    wrong: Wire  # of a wrong type for most fields; None if the encoding can't express wrong types
    says_null: bool
    comes_back: Callable[[Wire], Wire] = deepcopy


ENCODINGS = {
    "message in JSON": Encoding("ui_action", AVAILITY, post_json, AVAILITY_JSON, set(), WRONG, True),
    "message in a form": Encoding(
        "ui_action",
        AVAILITY,
        post_form,
        AVAILITY_FORM,
        AVAILITY_JSON - AVAILITY_FORM,
        {"of": "x"},
        False,
        as_text,
    ),
    "emitted in JSON": Encoding("emitted_event", EMIT, post_json, BUILDLESS, BUILDLESS_SOFT, WRONG, True),
    "emitted in a query": Encoding(
        "emitted_event", EMIT, post_query, BUILDLESS - {"event.context"}, BUILDLESS_SOFT, {"of": "x"}, False
    ),
    "emitted in protobuf": Encoding(
        "emitted_event", EMIT, post_protobuf, BUILDLESS, BUILDLESS_SOFT, None, False, as_protobuf
    ),
}  # fmt: skip
# Optional fields that even lenient validation checks, and fields that accept any object.
HELD = {"collection"}
# Codes other than `empty` for an empty text in a hard field.
EMPTY = {"contact": "bad_value", "version": "unknown_version"}
OPEN = {"event.data"}


def single_states(encoding: Encoding) -> Iterator[State]:
    """Yield the states of a message or an emitted event in its encoding."""
    whole = samples.complete(encoding.kind, ms=now_ms())
    least = samples.minimal(encoding.kind, ms=now_ms())
    if encoding.kind == "emitted_event":
        whole["event"]["tenant"] = "acme"  # any other than the key's would cause a warning
    if encoding.post in (post_query, post_protobuf):
        whole["event"]["data"] = {"@type": "type.example/x", "value": "AP8="}
    if encoding.post is post_query:  # a query can't express a list of messages
        del whole["event"]["context"], whole["event"]["detail"]["client"]["tool"], least["event"]["context"]
    if encoding.post is post_form:
        for path in encoding.soft:
            least = samples.without(least, path)
        del least["telemetryBody"]["entries"]
    gone = frozenset((path, "missing") for path in encoding.soft if encoding.kind == "ui_action")
    yield State("complete", whole)
    yield State("minimal", least, warned=gone)
    if encoding.wrong is not None:
        yield State("unknown keys", whole | {"unknown": {"deep": {"er": "x"}}, "__proto__": "2"})
    for path in sorted(encoding.hard):
        # A query can't express an empty object: without its only field, an object is missing.
        alone = encoding.post is post_query and path == "event.timing.occurred"
        named = "event.timing" if alone else path
        yield State(f"{path} missing", samples.without(whole, path), ("missing", named))
        if encoding.wrong is not None:
            yield State(
                f"{path} wrong", samples.with_value(whole, path, encoding.wrong), ("wrong_type", path)
            )
        if encoding.says_null:
            yield State(f"{path} null", samples.with_value(whole, path, None), ("wrong_type", path))
    for path in sorted(encoding.soft):
        missing = frozenset({(path, "missing")})
        yield State(f"{path} missing", samples.without(whole, path), warned=missing)
        if encoding.says_null:
            yield State(f"{path} null", samples.with_value(whole, path, None), warned=missing)
    yield from _empty_states(encoding, whole)
    if encoding.wrong is not None:
        yield from _wrong_states(encoding, whole)


def _empty_states(encoding: Encoding, whole: Wire) -> Iterator[State]:
    for path in sorted(encoding.hard):
        if code := EMPTY.get(path, "empty" if encoding.kind == "ui_action" else ""):
            for empty in ("", " \t"):
                yield State(f"{path} {empty!r}", samples.with_value(whole, path, empty), (code, path))


def _wrong_states(encoding: Encoding, whole: Wire) -> Iterator[State]:
    for path in sorted(fields_of(encoding.kind) - encoding.hard):
        wrong = (7 if encoding.says_null else None) if path in OPEN else encoding.wrong
        if wrong is None or (encoding.post is post_query and path == "event.context"):
            continue
        event = samples.with_value(whole, path, wrong)
        if path in HELD:
            yield State(f"{path} wrong", event, ("wrong_type", path))
        else:
            yield State(f"{path} wrong", event, warned=frozenset({(path, "wrong_type")}))
