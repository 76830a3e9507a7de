"""OpenAPI of the ingest endpoints, whose views DRF can't read."""

import re
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from ingestion.dialects import availity, sunbird
from ingestion.documentation.examples import examples
from ingestion.documentation.schemas import Schema, components, ref

JSON = "application/json"
FORM = availity.FORM
LINES = "application/x-ndjson"
PROTOBUF = "application/x-protobuf"
OCTETS = "application/octet-stream"
TEXT = "text/plain"
SUNBIRD_PATH = "/data/v3/telemetry"
AVAILITY_PATH = "/ms/api/availity/internal/pui/key-delivery/v1/telemetry"
EMIT_PATH = "/v1/telemetry/event:emit"
STREAM_PATH = "/v1/telemetry/event:stream"
PING_PATH = "/v1/telemetry/event:ping"


def add_ingest(result: Schema, **_: object) -> Schema:
    """Add the ingest endpoints. This is a hook of drf-spectacular."""
    result["components"].setdefault("schemas", {}).update(components())
    result["components"].setdefault("securitySchemes", {}).update(_KEYS)
    result["paths"].update(_paths(int(time.time() * 1000)))
    return result


_KEYS: dict[str, Schema] = {
    "ingestBearer": {"type": "http", "scheme": "bearer", "description": "A key of either type."},
    "ingestKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of either type.",
    },
    "ingestBasic": {
        "type": "http",
        "scheme": "basic",
        "description": "The user is `apikey`, the password a key of either type.",
    },
    "publishableKey": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "A publishable key, for a browser's beacon.",
    },
}
# Statuses of refusals, with the codes that they may have beside those of events.
REFUSALS = {
    "400": "The request can't be read, or its only event is rejected (and kept).",
    "401": "`no_key`, `bad_key`, `two_keys`, `bad_scheme`, `bad_basic`, `secret_key_in_url`.",
    "403": "`key_only_reads`, `https_required`.",
    "411": "`length_required`: an uncompressed form or protobuf was sent in chunks.",
    "413": "`too_large`, `too_many_events`, `too_many_elements`.",
    "415": "`unsupported_type`, `unsupported_charset`, `unsupported_encoding`.",
    "429": "`rate_limited`, `quota_exceeded`, `inbox_full`, `rejected_full`: see `Retry-After`.",
    "500": "`failed`: the server's log has the reason.",
    "503": "`unavailable`: the database is. Send the request again after `Retry-After` seconds.",
}
_CODES_OF_400 = {
    "sunbird": "`bad_json`, `no_events`, `bad_compression`, `unreadable_body`.",
    "availity": "The message is rejected (and kept), or can't be read: `bad_json`, `bad_utf8`, `wrong_type`,"
    " `bad_length`, `bad_compression`, `unreadable_body`.",
    "emit": "The event is rejected (and kept), or can't be read: `bad_json`, `bad_utf8`, `bad_protobuf`,"
    " `body_and_query`, `bad_compression`, `unreadable_body`.",
    "stream": "`bad_compression`, `unreadable_body`.",
}
_OF_OWNERS = "`key_only_reads`, `https_required`, `owner_not_allowed`, `too_many_owners`."
_REUSED = "`idempotency_key_reused`: it came with another body in the last 7 days."
_PINGED = ("403", "429", "500")
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds until it is worth trying again.",
        "schema": {"type": "integer"},
    }
}


def _paths(now_ms: int) -> dict[str, Schema]:
    example = examples(now_ms)
    batch = {JSON: {"schema": ref("SunbirdBatch"), "example": example["sunbird"]}}
    message = {
        JSON: {"schema": ref("UiActionSent"), "example": example["availity"]},
        FORM: {
            "schema": {
                "type": "object",
                "description": "Names are dotted paths, such as `telemetryBody.level`; values are text.",
                "additionalProperties": {"type": "string"},
            }
        },
    }
    return {
        **{f"/{path}": {"post": _batch(f"/{path}", batch)} for path in _main_first(sunbird.PATHS)},
        **{f"/{path}": {"post": _message(f"/{path}", message)} for path in availity.PATHS},
        EMIT_PATH: {"post": _emit(example["buildless"])},
        STREAM_PATH: {"post": _stream(example["buildless"])},
        PING_PATH: {"post": _ping()},
    }


def _main_first(paths: Iterable[str]) -> list[str]:
    return sorted(paths, key=lambda path: f"/{path}" != SUNBIRD_PATH)


def _id(name: str, path: str, main: str) -> str:
    """Return the ID of an operation that several paths have."""
    words = re.sub(r"\W+", "_", path.strip("/"))
    return name if path == main else f"{name}_at_{words}"


def _batch(path: str, content: Schema) -> Schema:
    answered = _answer("The verdict of each rejected event.", ref("SunbirdAnswer"))
    return {
        **_operation(_id("send_sunbird_batch", path, SUNBIRD_PATH), "A batch of Sunbird Telemetry V3 events"),
        "description": f"{_same(path, SUNBIRD_PATH)}The answer is 200 even if events are rejected: `result`"
        " names them. Any media type is accepted for the body.",
        "parameters": [
            _header("X-App-ID", "Fills `context.pdata.pid` of events that have none."),
            _header("X-Device-ID", "Fills `context.did` of events that have none."),
            _header("X-Channel-ID", "Fills `context.channel` of events that have none."),
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": answered,
            **_refused(ref("SunbirdAnswer"), {"400": _CODES_OF_400["sunbird"]}),
        },
    }


def _message(path: str, content: Schema) -> Schema:
    texts = {"400": _CODES_OF_400["availity"], "403": _OF_OWNERS, "409": _REUSED}
    return {
        **_operation(_id("send_availity_message", path, AVAILITY_PATH), "A message of Availity's telemetry"),
        "description": f"{_same(path, AVAILITY_PATH)}JSON may also be sent as `text/plain`, as beacons do.",
        "parameters": [
            _header(
                "Idempotency-Key",
                "A message with the same key and body is stored once within 7 days.",
                maxLength=512,
            )
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "201": {"description": "Accepted. The body is empty."},
            **_refused(ref("IngestError"), texts),
        },
    }


def _emit(example: Schema) -> Schema:
    binary = {"type": "string", "format": "binary", "contentMediaType": PROTOBUF}
    fields = {
        "name": "event",
        "in": "query",
        "required": False,
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "description": "Without a body: the event, each field a parameter with a dotted path as its name, as"
        " in `collection=builds` and `event.id=…`. Lists can't be sent this way.",
    }
    return {
        **_operation("emit_buildless_event", "An event of Buildless's telemetry"),
        "description": "The event is JSON, protobuf, or in query parameters. Protobuf that is sent as"
        f" `{PROTOBUF}` is answered in protobuf, protobuf that is sent as `{OCTETS}` in JSON.",
        "parameters": [fields],
        "requestBody": {
            "required": False,
            "content": {
                JSON: {"schema": ref("EmittedEventSent"), "example": example},
                OCTETS: {"schema": binary},
            },
        },
        "responses": {
            "200": _answer("The event's ID.", ref("EventID"), PROTOBUF),
            **_refused(ref("EventID"), {"400": _CODES_OF_400["emit"]}, PROTOBUF),
        },
    }


def _stream(example: Schema) -> Schema:
    lines = {"type": "string", "format": "binary", "contentMediaType": LINES}
    text = {"schema": {"type": "string"}}
    return {
        **_operation("stream_buildless_events", "A series of events of Buildless's telemetry"),
        "description": f"An event on each line, as `{JSON}` of `emit` has it. Any media type is accepted,"
        f" `{LINES}` is usual. The answer is lines too: an `EventID` for each event, in order, the first with"
        " the ID of the stream (`sid`). A rejected event has its `error` there, and the others are stored.",
        "requestBody": {"required": True, "content": {OCTETS: {"schema": lines, "example": _line(example)}}},
        "responses": {
            "200": {
                "description": "An `EventID` for each line, as JSON.",
                "content": {LINES: text, TEXT: text},
            },
            **_refused(ref("EventID"), {"400": _CODES_OF_400["stream"]}),
        },
    }


def _ping() -> Schema:
    answered = _answer("The server is there. The object is empty.", {"type": "object"}, PROTOBUF)
    return {
        **_operation("ping_buildless", "A liveness check for clients, without a key"),
        "security": [{}],
        "responses": {"200": answered, **_refused(ref("EventID"), {}, PROTOBUF, only=_PINGED)},
    }


def _line(example: Schema) -> str:
    return msgspec.json.encode(example).decode() + "\n"


def _operation(name: str, summary: str) -> Schema:
    return {
        "operationId": name,
        "tags": ["ingest"],
        "summary": summary,
        "security": [{name: []} for name in _KEYS],
    }


def _same(path: str, main: str) -> str:
    return f"The same as `{main}`. " if path != main else ""


def _header(name: str, description: str, **schema: Any) -> Schema:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string", **schema},
        "description": description,
    }


def _refused(schema: Schema, texts: Schema, *further: str, only: Iterable[str] = ()) -> Schema:
    """Return the refusals, with the format's own texts."""
    every = REFUSALS | texts
    answers = {status: _answer(every[status], schema, *further) for status in sorted(only or every)}
    for status in ("429", "503"):
        if status in answers:
            answers[status]["headers"] = _RETRY_AFTER
    return answers


def _answer(description: str, schema: Schema, *further: str) -> Schema:
    """Return an answer in JSON. `further` media types have the same in binary."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "description": description,
        "content": {JSON: {"schema": schema}, **dict.fromkeys(further, binary)},
    }
