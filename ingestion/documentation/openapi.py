"""OpenAPI of the ingest endpoints: the wire form of each kind, and an example of each format."""

import time
from typing import Any

from django.db.models import Field

from events.event import Event
from events.kinds import KINDS, KindEntry
from events.wire import columns, dialects
from events.wire.columns import Need, Take
from events.wire.schema import Leaf
from ingestion.dialects import availity, sunbird

Schema = dict[str, Any]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SUNBIRD_PATH = "/data/v3/telemetry"
EMIT_PATH = "/v1/telemetry/event:emit"

_NUMBER = {"type": ["number", "string"], "description": "A number, or a text with a number."}
_UNSIGNED = {"type": ["string", "integer"], "pattern": "^[0-9]{1,19}$", "minimum": 0}
# The sent value of a column, by the function that accepts it.
_SENT: dict[Take, Schema] = {
    columns.take_text: {"type": "string"},
    columns.take_loose_text: {"type": ["string", "number"]},
    columns.take_identifier: {"type": "string", "maxLength": 512},
    columns.take_number: _NUMBER,
    columns.take_whole: {"type": "integer", "format": "int64"},
    columns.take_uint32: _UNSIGNED,
    columns.take_uint64: _UNSIGNED,
    columns.take_flag: {"type": "boolean"},
    columns.take_milliseconds: _NUMBER,
    columns.take_texts: {"type": "array", "items": {"type": "string"}},
    columns.take_list: {"type": "array"},
    columns.take_object: {"type": "object"},
    dialects.take_occurred: _UNSIGNED,
}


def add_ingest(result: Schema, **_: object) -> Schema:
    """Add the ingest endpoints, whose views DRF can't read. This is a hook of drf-spectacular."""
    result["components"].setdefault("schemas", {}).update(_components())
    result["components"].setdefault("securitySchemes", {}).update(_KEYS)
    result["paths"].update(_paths(int(time.time() * 1000)))
    return result


def sent(entry: KindEntry) -> Schema:
    """Return the JSON Schema of an event of a kind as sent; hard fields are required."""
    doc = (entry.model.__doc__ or "").strip().splitlines()[0]
    schema: Schema = {"type": "object", "description": doc, "properties": {}}
    for leaf in entry.model.leaves():
        _put(schema, leaf.path, {**_type_of(leaf), **_described(entry, leaf)}, leaf.need is Need.HARD)
    if entry.schema.dialect == dialects.SUNBIRD.name:
        schema["properties"]["eid"]["const"] = entry.name.upper()
    return schema


def _put(schema: Schema, path: tuple[str, ...], what: Schema, required: bool) -> None:
    first, *rest = path
    if required and first not in schema.get("required", ()):
        schema.setdefault("required", []).append(first)
    if not rest:
        schema["properties"][first] = what
        return
    below = schema["properties"].setdefault(first, {"type": "object", "properties": {}})
    _put(below, tuple(rest), what, required)


def _type_of(leaf: Leaf) -> Schema:
    column = getattr(leaf.take, "__self__", None)
    if isinstance(column, columns.Name):
        return {"type": ["string", "integer"], "examples": list(column.names)}
    if isinstance(column, columns.Base64):
        return {"type": "string", "contentEncoding": "base64"}
    return _SENT.get(leaf.take, {})


def _described(entry: KindEntry, leaf: Leaf) -> Schema:
    model = entry.model if leaf.of_kind else Event
    column = model._meta.get_field(leaf.column)
    assert isinstance(column, Field)
    return {"description": str(column.help_text)} if column.help_text else {}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _name(entry: KindEntry) -> str:
    return f"{entry.model.__name__}Sent"


def _components() -> dict[str, Schema]:
    kinds = [entry for entry in KINDS.values() if entry.schema.dialect == dialects.SUNBIRD.name]
    batch = {
        "type": "object",
        "required": ["events"],
        "properties": {
            "id": {"type": "string"},
            "ver": {"type": "string"},
            "params": {"type": "object", "properties": {"msgid": {"type": "string"}}},
            "ets": {"type": "integer", "description": "Time of sending, in milliseconds since 1970."},
            "events": {"type": "array", "items": {"anyOf": [_ref(_name(entry)) for entry in kinds]}},
        },
    }
    error = {"code": {"type": "string"}, "path": {"type": "string"}, "message": {"type": "string"}}
    return {
        **{_name(entry): sent(entry) for entry in KINDS.values()},
        "SunbirdBatch": batch,
        "SunbirdAnswer": {
            "type": "object",
            "properties": {
                "params": {"type": "object"},
                "responseCode": {"type": "string"},
                "result": {
                    "type": "object",
                    "description": "accepted, rejected, rejected_indexes, and errors: the first twenty.",
                },
            },
        },
        "EventID": {
            "type": "object",
            "properties": {
                "ok": {"type": "boolean"},
                "eid": {"type": "string", "description": "ID of the event."},
                "sid": {"type": "string", "description": "ID of the stream, in its first line."},
                "error": {"type": "object", "properties": error},
            },
        },
        "IngestError": {
            "type": "object",
            "properties": {"error": {"type": "object", "properties": error}},
        },
    }


_KEYS: dict[str, Schema] = {
    "ingestKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of either type; also as Bearer, or as the password of the Basic user `apikey`.",
    },
    "publishableKey": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "A publishable key, for a browser's beacon.",
    },
}


def examples(now_ms: int) -> Schema:
    """Return an event of each format with the current time, since old events are rejected."""
    return {
        "sunbird": {
            "id": "api.telemetry",
            "ver": "3.0",
            "params": {"msgid": f"batch-{now_ms}"},
            "events": [
                {
                    "eid": "LOG",
                    "ets": now_ms,
                    "ver": "3.0",
                    "mid": f"LOG:{now_ms}",
                    "actor": {"id": "user-17", "type": "User"},
                    "context": {
                        "channel": "school-4",
                        "env": "home",
                        "pdata": {"id": "portal", "ver": "2.1"},
                        "sid": "session-1",
                        "did": "device-9",
                    },
                    "edata": {"type": "system", "level": "INFO", "message": "started"},
                }
            ],
        },
        "availity": {
            "customerId": "1194",
            "contact": "team@example.com",
            "source_system": "eligibility_and_benefits",
            "version": "1",
            "owner": "Eligibility",
            "sessionId": "123-456-789",
            "telemetryBody": {
                "level": "info",
                "entries": {
                    "action": "click",
                    "label": "Submit",
                    "event": "submit",
                    "category": "form",
                    "userId": "aka123",
                },
            },
        },
        "buildless": {
            "collection": "builds",
            "event": {
                "id": f"build{now_ms:015d}",
                "timing": {"occurred": str(now_ms)},
                "context": [{"type": "type.googleapis.com/buildless.context.Build", "event": "started"}],
            },
        },
    }


def _paths(now_ms: int) -> dict[str, Schema]:
    example = examples(now_ms)
    batch = {JSON: {"schema": _ref("SunbirdBatch"), "example": example["sunbird"]}}
    message = {
        JSON: {"schema": _ref("UiActionSent"), "example": example["availity"]},
        FORM: {"schema": {"type": "object", "description": "Names are dotted paths, values are text."}},
    }
    event = {JSON: {"schema": _ref("EmittedEventSent"), "example": example["buildless"]}}
    series = {
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "One event per line, as JSON."},
        }
    }
    taken = {"200": _answer("The event's ID.", _ref("EventID"))}
    lines = {
        "200": {
            "description": "A response for each line.",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        }
    }
    others = "The same at: " + ", ".join(f"`/{path}`" for path in sunbird.PATHS) + "."
    return {
        SUNBIRD_PATH: _post("sunbird", "A batch of Sunbird Telemetry V3 events", others, batch, _SUNBIRD),
        **{
            f"/{path}": _post(
                f"availity_{number}", "A message of Availity's telemetry", "", message, _CREATED
            )
            for number, path in enumerate(availity.PATHS)
        },
        EMIT_PATH: _post("buildless_emit", "An event of Buildless's telemetry", "", event, taken),
        "/v1/telemetry/event:stream": _post(
            "buildless_stream", "A series of events of Buildless's telemetry", "", series, lines
        ),
    }


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}}}


_SUNBIRD = {"200": _answer("The verdict of each rejected event.", _ref("SunbirdAnswer"))}
_CREATED = {"201": {"description": "Accepted. The body is empty."}}


def _post(name: str, summary: str, description: str, content: Schema, answers: Schema) -> Schema:
    refusals = {
        "400": "The request can't be read, or its only event is rejected (and kept).",
        "401": "No key, or an invalid one.",
        "413": "The request is too large.",
        "415": "The media type or encoding isn't supported.",
        "429": "Too many requests, or the quota is used up: `Retry-After`.",
        "503": "The database is unavailable. Send the request again.",
    }
    return {
        "post": {
            "operationId": f"ingest_{name}",
            "tags": ["ingest"],
            "summary": summary,
            "description": description,
            "security": [{name: []} for name in _KEYS],
            "requestBody": {"required": True, "content": content},
            "responses": answers
            | {status: _answer(text, {"type": "object"}) for status, text in refusals.items()},
        }
    }
