"""The JSON schemas of the reference pipeline (V3), and random events generated from them.

Written from the schemas and not from Tally's columns, so that strict validation is tested independently.
"""

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

Schema = dict[str, Any]
Wire = Any

TEXT: Schema = {"type": "string"}
FILLED: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "number"}
SIZE: Schema = {"type": "number", "minimum": -1}
FREE: Schema = {"type": "object"}
ANY: Schema = {}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def members(required: str, given: dict[str, Schema], *, is_open: bool = False) -> Schema:
    """Return an object schema, closed unless `is_open`; `required` has names separated by spaces."""
    made: Schema = {"type": "object", "properties": given, "additionalProperties": is_open}
    return made | {"required": required.split()} if required else made


def texts(names: str) -> dict[str, Schema]:
    return dict.fromkeys(names.split(), TEXT)


PARENT = members("", texts("id type"), is_open=True)
TARGET = members("id ver type", {**texts("id ver type"), "parent": PARENT})
PLUGIN = members("id ver", texts("id ver category"))
QUESTION = members(
    "id",
    {
        **texts("id uri desc title type"),
        **dict.fromkeys(("maxscore", "exlength"), NUMBER),
        "params": listed(FREE),
        **dict.fromkeys(("mmc", "mc"), listed(TEXT)),
    },
)
DEVICE = members(
    "",
    {
        **texts("os make id camera cpu"),
        "cap": listed(TEXT),
        **dict.fromkeys(("mem", "idisk", "edisk", "scrn", "sims"), SIZE),
    },
    is_open=True,
)
AGENT = members("", texts("agent ver system platform raw"), is_open=True)
VISIT = members("objid objtype", {**texts("objid objtype objver section"), "index": NUMBER})
SHARED = members(
    "",
    {**texts("id type ver"), "params": listed(FREE), **dict.fromkeys(("origin", "to"), PARENT)},
)
BROKEN = members("id type ver", {**texts("id type ver subtype name code"), "parent": PARENT})

EDATA: dict[str, Schema] = {
    "start": members(
        "type", {**texts("type loc mode pageid"), "duration": NUMBER, "dspec": DEVICE, "uaspec": AGENT}
    ),
    "end": members("type", {**texts("type mode pageid"), "duration": NUMBER, "summary": listed(FREE)}),
    "impression": members(
        "type pageid uri",
        {**texts("type pageid uri subtype"), "duration": NUMBER, "visits": listed(VISIT)},
    ),
    "interact": members(
        "type id",
        {
            **texts("type id subtype pageid"),
            "duration": NUMBER,
            "target": TARGET,
            "plugin": PLUGIN,
            "extra": FREE,
        },
    ),
    "assess": members(
        "item pass score resvalues duration",
        {
            "item": QUESTION,
            "pass": TEXT,
            **dict.fromkeys(("score", "duration", "index"), NUMBER),
            "resvalues": listed(FREE),
        },
    ),
    "response": members("target type values", {"target": TARGET, "type": TEXT, "values": listed(FREE)}),
    "interrupt": members("type", texts("type pageid")),
    "feedback": members("", {**texts("comments commentid commenttxt"), "rating": NUMBER}),
    "share": members("items", {"items": listed(SHARED), **texts("dir type")}),
    "audit": members("", {**texts("type state prevstate"), "props": listed(TEXT), "duration": NUMBER}),
    "error": members(
        "err errtype stacktrace",
        {**texts("err errtype stacktrace pageid"), "object": BROKEN, "plugin": PLUGIN},
    ),
    "heartbeat": FREE,
    "log": members("type level message", {**texts("type level message pageid"), "params": listed(FREE)}),
    "search": members(
        "query size topn",
        {
            **texts("query type correlationid"),
            "size": NUMBER,
            "topn": listed(FREE),
            **dict.fromkeys(("filters", "sort"), FREE),
        },
    ),
    "metrics": members(
        "system subsystem",
        {
            **texts("system subsystem"),
            "metrics": listed(members("", {"metric": TEXT, "value": NUMBER}, is_open=True)),
        },
    ),
    "summary": members(
        "type starttime endtime timespent pageviews interactions",
        {
            **texts("type mode"),
            **dict.fromkeys(("starttime", "endtime", "timespent", "pageviews", "interactions"), NUMBER),
            "extra": listed(members("", texts("id value"), is_open=True)),
        },
    ),
    "exdata": members("", texts("type data")),
}

CONTEXT = members(
    "channel env pdata",
    {
        "channel": FILLED,
        **texts("env sid did"),
        "pdata": members("id", {**texts("id pid ver"), "platform": ANY}, is_open=True),
        "cdata": listed(members("type id", texts("type id"))),
        "rollup": ANY,
    },
    is_open=True,
)
OBJECT = members(
    "",
    {**texts("id type ver"), "rollup": members("", texts("l1 l2 l3 l4"), is_open=True)},
    is_open=True,
)


def schema_of(kind: str) -> Schema:
    """Return the schema of a whole event."""
    return members(
        "eid ets ver mid actor context edata",
        {
            "eid": {"enum": [kind.upper()]},
            "ets": NUMBER,
            "ver": {"enum": ["3.0", "3.1"]},
            "mid": FILLED,
            "actor": members("id type", texts("id type"), is_open=True),
            "context": CONTEXT,
            "object": OBJECT,
            "tags": listed(TEXT),
            "edata": EDATA[kind],
        },
        is_open=True,
    )


TEXTS = ("", "x", " ", "Yes", "no", "1", "ä\u2028🙂", "undefined", "null", "3.1", "a/b", "x" * 400)
NUMBERS = (0, 1, -1, 0.5, -3.5, 1e22, 1e-7, 2**53 + 1, 10**18, 86_400_001)
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    "1",
    1,
    -2,
    1.5,
    [],
    {},
    ["x"],
    [{}],
    [None],
    [[]],
    {"id": 1},
    {"any": None},
)


def valid(schema: Schema, chance: Random) -> Wire:
    """Return a random value that a schema allows."""
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "string":
            return chance.choice(TEXTS[1:] if "minLength" in schema else TEXTS)
        case "number":
            return max(chance.choice(NUMBERS), schema.get("minimum", -(10**30)))
        case "array":
            return [valid(schema["items"], chance) for _ in range(chance.randrange(3))]
        case "object":
            made = {
                name: valid(below, chance)
                for name, below in schema.get("properties", {}).items()
                if name in schema.get("required", ()) or chance.random() < 0.5
            }
            if schema.get("additionalProperties", True) and chance.random() < 0.3:
                made["more"] = deepcopy(chance.choice(ODD))
            return made
    return deepcopy(chance.choice(ODD))


def places(value: Wire) -> Iterator[tuple[Any, Any]]:
    """Yield each container in a value with each of its keys or indexes."""
    if isinstance(value, dict):
        pairs: list[tuple[Any, Wire]] = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, list) else []
    for key, below in pairs:
        yield value, key
        yield from places(below)


def changed(event: Wire, chance: Random) -> None:
    """Change an event in one place: remove a value, replace it, or add a key."""
    container, key = chance.choice([place for place in places(event) if place[1] != "eid"])
    match chance.randrange(3):
        case 0:
            del container[key]
        case 1:
            container[key] = deepcopy(chance.choice(ODD))
        case 2 if isinstance(container, dict):
            container["another"] = deepcopy(chance.choice(ODD))


def event(kind: str, ms: int, chance: Random) -> Wire:
    """Return a random event. A third are valid, the others are changed in one or two places."""
    made = valid(schema_of(kind), chance)
    made["ets"] = ms
    for _ in range(chance.randrange(3)):
        changed(made, chance)
    return made
