"""Schemas of what ingest endpoints take and answer, for the API's description."""

from typing import Any

from django.db.models import Field

from events.event import Event
from events.kinds import KINDS, KindEntry
from events.wire import columns, dialects
from events.wire.columns import Need, Take
from events.wire.schema import Leaf

Schema = dict[str, Any]
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
    columns.take_list: {"type": "array", "items": {}},
    columns.take_object: {"type": "object"},
    dialects.take_occurred: _UNSIGNED,
}


def components() -> dict[str, Schema]:
    """Return the schemas by name."""
    return {
        **{_name(entry): sent(entry) for entry in KINDS.values()},
        "SunbirdBatch": _batch(),
        **_ANSWERS,
    }


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


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def _name(entry: KindEntry) -> str:
    return f"{entry.model.__name__}Sent"


def _batch() -> Schema:
    kinds = [entry for entry in KINDS.values() if entry.schema.dialect == dialects.SUNBIRD.name]
    return {
        "type": "object",
        "description": "A batch of events of Telemetry V3.",
        "required": ["events"],
        "properties": {
            "id": _TEXT,
            "ver": _TEXT,
            "params": {
                "type": "object",
                "properties": {"msgid": {**_TEXT, "description": "ID of the batch, which is in the answer."}},
            },
            "ets": {"type": "integer", "description": "Time of sending, in milliseconds since 1970."},
            "events": {"type": "array", "items": {"anyOf": [ref(_name(entry)) for entry in kinds]}},
        },
    }


_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}
_FAULT = {
    "code": {**_TEXT, "description": "Stable: programs can rely on it."},
    "path": {**_TEXT, "description": "The field; empty if it is none."},
    "message": {**_TEXT, "description": "What is wrong, and what to send instead."},
}
# In the formats' own envelopes. Members may be missing, as in proto3 JSON.
_ANSWERS: dict[str, Schema] = {
    "SunbirdAnswer": {
        "type": "object",
        "description": "The answer to a batch, also to one that is refused.",
        "properties": {
            "id": _TEXT,
            "ver": _TEXT,
            "ets": {"type": "integer", "description": "Time of the answer, in milliseconds since 1970."},
            "params": {
                "type": "object",
                "properties": {
                    "msgid": {**_TEXT, "description": "ID of the batch; empty if it is refused."},
                    "status": {**_TEXT, "enum": ["successful", "failed"]},
                    "err": {**_TEXT, "description": "Code of the refusal; otherwise empty."},
                    "errmsg": {**_TEXT, "description": "What is wrong with the request; otherwise empty."},
                },
            },
            "responseCode": {**_TEXT, "enum": ["SUCCESS", "CLIENT_ERROR", "SERVER_ERROR"]},
            "result": ref("SunbirdResult"),
        },
    },
    "SunbirdResult": {
        "type": "object",
        "description": "Verdicts on the events of a batch; empty if it is refused.",
        "properties": {
            "accepted": {**_COUNT, "description": "Number of accepted events."},
            "rejected": {**_COUNT, "description": "Number of rejected events, which are kept."},
            "rejected_indexes": {"type": "array", "items": _COUNT},
            "errors": {
                "type": "array",
                "description": "Reasons of the first twenty rejected events.",
                "items": ref("SunbirdError"),
            },
        },
    },
    "SunbirdError": {
        "type": "object",
        "description": "Why an event of a batch was rejected.",
        "properties": {"index": {**_COUNT, "description": "Position in the batch."}, "mid": _TEXT, **_FAULT},
    },
    "EventID": {
        "type": "object",
        "description": "The answer to an event of Buildless, also to one that is refused.",
        "properties": {
            "ok": {"type": "boolean"},
            "eid": {**_TEXT, "description": "ID of the event."},
            "sid": {**_TEXT, "description": "ID of the stream, in its first line."},
            "error": ref("IngestFault"),
        },
    },
    "IngestFault": {
        "type": "object",
        "description": "Why a request or an event is refused.",
        "properties": _FAULT,
    },
    "IngestError": {
        "type": "object",
        "description": "The answer to a message of Availity that is refused.",
        "properties": {"error": ref("IngestFault")},
    },
}
