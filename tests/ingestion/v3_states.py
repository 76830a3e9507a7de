"""States of V3 events that the wire documents mention, and the expected outcome of each.

The required fields are listed here from the documents. All other fields come from the registry, so a new
kind is covered automatically, but needs its line here.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from events.kinds import KINDS
from tests.sending import now_ms
from tests.wire import samples

Wire = Any

# Required by both documents of V3 events: without them an event is rejected.
ENVELOPE = {
    "eid", "ets", "ver", "mid", "actor.id", "actor.type", "context.channel", "context.env",
    "context.pdata.id",
}  # fmt: skip
HARD = {
    "start": {"type"},
    "impression": {"type", "pageid"},
    "interact": {"type", "id"},
    "assess": {"item.id", "resvalues", "duration"},
    "response": {"target.id", "target.ver", "target.type", "type", "values"},
    "interrupt": {"type"},
    "feedback": set(),
    "share": {"items"},
    "audit": set(),
    "error": {"err", "errtype", "stacktrace"},
    "heartbeat": set(),
    "log": {"type", "level", "message"},
    "search": {"query", "size", "topn"},
    "metrics": set(),
    "summary": {"type", "starttime", "endtime", "timespent", "pageviews", "interactions"},
    "exdata": set(),
    "end": {"type"},
}
# Required by one of the two: without them an event is stored with a warning.
SOFT = {
    "assess": {"pass", "score"},  # the page has defaults for them
    "start": {"mode", "stageid"},
    "impression": {"uri"},
    "response": {"qid", "target.parent.type"},
    "feedback": {"contentId"},
    "audit": {"props"},
    "search": {"type"},
    "metrics": {"system", "subsystem"},
    "end": {"duration", "contentId"},
}
# Fields that strict validation requires besides the hard ones, and columns missing from its closed lists.
STRICT_NEEDS = {"assess": {"pass", "score"}, "impression": {"uri"}, "metrics": {"system", "subsystem"}}
STRICT_UNKNOWN = {
    "start": {"contentId", "contentVer", "stageid"},
    "end": {"contentId"},
    "feedback": {"contentId"},
    "impression": {"itype", "stageto"},
    "response": {"qid"},
    "interrupt": {"eventid"},
    "error": {"traceid"},
    "summary": {"envsummary", "eventssummary", "pagesummary"},
    "metrics": {"cacheHits", "cacheMisses"},
    "exdata": {"partner"},
}
# The pipeline's schemas don't mention these, or only say that they are objects.
UNCHECKED = ("context.pdata.platform", "context.rollup.", "edata.extra.", "edata.filters", "edata.sort")
MUST_BE_FILLED = {"mid", "context.channel"}
WRONG = {"of": ["a wrong type"]}
UNKNOWN = {"unknown": {"deep": [1, None, {"": "x"}]}, "a.b": True, "__proto__": 2}


@dataclass
class State:
    """An event in one state, and its expected outcome."""

    name: str
    event: Wire
    rejected: tuple[str, str] | None = None  # code and path
    warned: frozenset[tuple[str, str]] = frozenset()  # path and code


def hard_of(kind: str) -> set[str]:
    return ENVELOPE | {f"edata.{path}" for path in HARD[kind]}


def soft_of(kind: str) -> set[str]:
    return {f"edata.{path}" for path in SOFT.get(kind, ())}


def fields_of(kind: str) -> set[str]:
    return {leaf.dotted for leaf in KINDS[kind].schema.leaves}


def has(event: Wire, path: str) -> bool:
    try:
        samples.at(event, path)
    except KeyError:
        return False
    return True


def lenient_states(kind: str) -> Iterator[State]:
    """Yield the states of a V3 event under lenient validation."""
    whole = samples.complete(kind, ms=now_ms())
    del whole["object"]  # its id would replace a missing contentId
    unwarned = frozenset[tuple[str, str]]()
    least = frozenset((path, "missing") for path in soft_of(kind) if path != "edata.target.parent.type")
    yield State("complete", whole)
    yield State("minimal", samples.minimal(kind, ms=now_ms()), warned=least)
    yield State("unknown keys", whole | UNKNOWN | {"edata": whole["edata"] | UNKNOWN})
    yield State("empty edata", whole | {"edata": {}}, _first_missing(kind), unwarned if HARD[kind] else least)
    yield State("no edata", samples.without(whole, "edata"), ("missing", "edata"))
    yield State("null edata", whole | {"edata": None}, ("wrong_type", "edata"))
    yield State("empty", {}, ("missing", "eid"))
    for path in sorted(hard_of(kind)):
        yield State(f"{path} missing", samples.without(whole, path), ("missing", path))
        yield State(f"{path} null", samples.with_value(whole, path, None), ("wrong_type", path))
        yield State(f"{path} wrong", samples.with_value(whole, path, WRONG), ("wrong_type", path))
    for path in sorted(MUST_BE_FILLED):
        yield State(f"{path} empty", samples.with_value(whole, path, ""), ("empty", path))
    for path in sorted(soft_of(kind)):
        missing = frozenset({(path, "missing")})
        yield State(f"{path} missing", samples.without(whole, path), warned=missing)
        yield State(f"{path} null", samples.with_value(whole, path, None), warned=missing)
    for path in sorted(fields_of(kind) - hard_of(kind)):
        wrong: Wire = 7 if path in OBJECTS else WRONG
        event = samples.with_value(whole, path, wrong)
        if path in HELD:
            yield State(f"{path} wrong", event, ("wrong_type", path))
        else:
            yield State(f"{path} wrong", event, warned=frozenset({(path, "wrong_type")}))


# Columns of an open object accept any object.
OBJECTS = {"edata.filters", "edata.sort"}
# Both documents require them, but the page has defaults: they may be missing, but not have another type.
HELD = {"edata.pass", "edata.score"}


def _first_missing(kind: str) -> tuple[str, str] | None:
    """Return the error for an empty edata, which names the first field. The path is checked separately."""
    return ("missing", "*") if HARD[kind] else None


def strict_states(kind: str) -> Iterator[State]:
    """Yield the states of a V3 event under strict validation."""
    whole = samples.complete(kind, ms=now_ms())
    for path in STRICT_UNKNOWN.get(kind, ()):
        if path in whole["edata"]:
            yield State(f"{path} unknown", _only(whole, kind, path), ("unknown_field", f"edata.{path}"))
    whole = _only(whole, kind)
    missing = frozenset((path, "missing") for path in soft_of(kind) if not has(whole, path))
    if kind in ("feedback", "end"):
        missing -= {("edata.contentId", "missing")}  # the object's id replaces it
    yield State("complete", whole, warned=missing)
    yield State("unknown at the top", whole | {"flags": {"x": 1}}, warned=missing)
    open_data = kind == "heartbeat"
    yield State(
        "unknown keys",
        whole | {"edata": whole["edata"] | {"unknown": 1}},
        None if open_data else ("unknown_field", "edata.unknown"),
        missing if open_data else frozenset(),
    )
    yield State("object null", whole | {"object": None}, ("wrong_type", "object"))
    yield State("ver of tomorrow", whole | {"ver": "9"}, ("bad_value", "ver"))
    yield State("ets as text", whole | {"ets": str(whole["ets"])}, ("wrong_type", "ets"))
    needed = hard_of(kind) | {f"edata.{path}" for path in STRICT_NEEDS.get(kind, ())}
    for path in sorted(needed):
        yield State(f"{path} missing", samples.without(whole, path), ("missing", path))
        yield State(f"{path} null", samples.with_value(whole, path, None), ("wrong_type", path))
    for path in sorted(fields_of(kind)):
        top = path.removeprefix("edata.").split(".")[0]
        if has(whole, path) and path not in ("eid", "ver") and not path.startswith(UNCHECKED):
            assert top not in STRICT_UNKNOWN.get(kind, ())
            yield State(f"{path} wrong", samples.with_value(whole, path, WRONG), ("wrong_type", path))


def _only(event: Wire, kind: str, *kept: str) -> Wire:
    """Return an event without fields missing from the pipeline's closed lists, except for `kept`."""
    event = deepcopy(event)
    for path in STRICT_UNKNOWN.get(kind, set()) - set(kept):
        event["edata"].pop(path, None)
    for item in event["edata"].get("items", []):
        item.pop("obj", None)
    return event


def numbered(states: Iterator[State]) -> list[State]:
    """Give the states unique IDs, except those whose subject is the ID."""
    found = list(states)
    for number, state in enumerate(found):
        state.event = deepcopy(state.event)
        if type(state.event.get("mid")) is str and state.event["mid"]:
            state.event["mid"] = f"m-{number}"
    return found
