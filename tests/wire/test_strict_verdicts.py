"""Strict validation agrees with the reference pipeline's JSON schemas.

The tables below abbreviate these schemas, independently of the columns. Each rule gives probes with the
expected verdict. "!" after a name means required.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from events.kinds import KINDS
from tests.wire import samples


@dataclass(frozen=True)
class Obj:
    """An object with these members and, if open, any others."""

    members: dict[str, Any]
    closed: bool = False


@dataclass(frozen=True)
class Items:
    """A list of such objects."""

    item: Obj


@dataclass(frozen=True)
class Simple:
    """Valid and invalid values."""

    good: tuple[Any, ...]
    bad: tuple[Any, ...]


STR = Simple(("", "x", "ä" * 600), (1, 1.5, True, None, [], {}, ["x"]))
NUM = Simple((0, 1.5, -3, 1e22, 2**60), ("1", "", True, None, [], {}))
SIZE = Simple((-1, 0, 64.5), (-2, -1.5, "64", None))
STRS = Simple(([], ["", "x"]), ("x", {}, [1], [None], [["x"]], None))
OBJS = Simple(([], [{}], [{"any": None, "deep": [{}]}]), ({}, "x", ["x"], [None], [[]], None))
FREE = Simple(({}, {"any": None, "deep": [{}]}), ([], "x", 1, None))
ANYTHING = Simple((None, 1, "x", [], {"l1": 5}), ())


def closed(**members: Any) -> Obj:
    """Return an object with only these members; a trailing underscore in a name means "!"."""
    return Obj({_name(name): kind for name, kind in members.items()}, closed=True)


def opened(**members: Any) -> Obj:
    """Return an object with these members and any others."""
    return Obj({_name(name): kind for name, kind in members.items()})


def _name(written: str) -> str:
    return f"{written[:-1]}!" if written.endswith("_") else written


PARENT = opened(id=STR, type=STR)
TARGET = closed(id_=STR, ver_=STR, type_=STR, parent=PARENT)
PLUGIN = closed(id_=STR, ver_=STR, category=STR)
PARTY = opened(id=STR, type=STR)

EDATA: dict[str, Obj] = {
    "start": closed(
        type_=STR,
        dspec=opened(
            os=STR, make=STR, id=STR, camera=STR, cpu=STR, cap=STRS,
            mem=SIZE, idisk=SIZE, edisk=SIZE, scrn=SIZE, sims=SIZE,
        ),
        uaspec=opened(agent=STR, ver=STR, system=STR, platform=STR, raw=STR),
        loc=STR, mode=STR, duration=NUM, pageid=STR,
    ),
    "end": closed(type_=STR, mode=STR, duration=NUM, pageid=STR, summary=OBJS),
    "impression": closed(
        type_=STR, pageid_=STR, uri_=STR, subtype=STR, duration=NUM,
        visits=Items(closed(objid_=STR, objtype_=STR, objver=STR, section=STR, index=NUM)),
    ),
    "interact": closed(
        type_=STR, id_=STR, subtype=STR, pageid=STR, target=TARGET, plugin=PLUGIN,
        extra=opened(pos=ANYTHING, values=ANYTHING, tid=ANYTHING, uri=ANYTHING), duration=NUM,
    ),
    "assess": Obj(
        {
            "item!": closed(
                id_=STR, uri=STR, desc=STR, title=STR, type=STR, maxscore=NUM, exlength=NUM, params=OBJS,
                mmc=STRS, mc=STRS,
            ),
            "pass!": STR, "score!": NUM, "resvalues!": OBJS, "duration!": NUM, "index": NUM,
        },
        closed=True,
    ),
    "response": closed(target_=TARGET, type_=STR, values_=OBJS),
    "interrupt": closed(type_=STR, pageid=STR),
    "feedback": closed(rating=NUM, comments=STR, commentid=STR, commenttxt=STR),
    "share": closed(
        items_=Items(closed(id=STR, type=STR, ver=STR, params=OBJS, origin=PARTY, to=PARTY)),
        dir=STR, type=STR,
    ),
    "audit": closed(type=STR, props=STRS, state=STR, prevstate=STR, duration=NUM),
    "error": closed(
        err_=STR, errtype_=STR, stacktrace_=STR, pageid=STR,
        object=closed(id_=STR, type_=STR, ver_=STR, subtype=STR, name=STR, code=STR, parent=PARENT),
        plugin=PLUGIN,
    ),
    "heartbeat": opened(),
    "log": closed(type_=STR, level_=STR, message_=STR, pageid=STR, params=OBJS),
    "search": closed(query_=STR, size_=NUM, topn_=OBJS, type=STR, filters=FREE, sort=FREE, correlationid=STR),
    "metrics": closed(system_=STR, subsystem_=STR, metrics=Items(opened(metric=STR, value=NUM))),
    "summary": closed(
        type_=STR, starttime_=NUM, endtime_=NUM, timespent_=NUM, pageviews_=NUM, interactions_=NUM, mode=STR,
        extra=Items(opened(id=STR, value=STR)),
    ),
    "exdata": closed(type=STR, data=STR),
}  # fmt: skip

FILLED = Simple(("x",), ("", 1, None))
ID = Simple(("", "x"), (1, 1.5, True, None, [], {}))  # length limited by MAX_IDENTIFIER
ENVELOPE = opened(
    ets_=NUM,
    ver_=Simple(("3.0", "3.1"), ("3.2", "", "3", 3, 3.1, None)),
    mid_=FILLED,
    actor_=opened(id_=ID, type_=STR),
    context_=opened(
        channel_=FILLED,
        env_=STR,
        pdata_=opened(id_=STR, pid=STR, ver=STR, platform=ANYTHING),
        sid=ID,
        did=ID,
        cdata=Items(closed(type_=STR, id_=STR)),
        rollup=ANYTHING,
        uid=ANYTHING,
    ),
    object=opened(id=STR, type=STR, ver=STR, rollup=opened(l1=STR, l2=STR, l3=STR, l4=STR), name=ANYTHING),
    tags=STRS,
    syncts=ANYTHING,
    metadata=ANYTHING,
)
# Fields on the published page that the pipeline's closed lists lack.
PAGE_ONLY = {
    "start": ["stageid", "contentId", "contentVer"],
    "impression": ["itype", "stageto"],
    "response": ["qid"],
    "interrupt": ["eventid"],
    "feedback": ["contentId"],
    "error": ["traceid"],
    "metrics": ["cacheHits", "cacheMisses"],
    "summary": ["envsummary", "eventssummary", "pagesummary"],
    "exdata": ["partner"],
    "end": ["contentId"],
}


class Probe(NamedTuple):
    """A change to a valid event, and whether the result is valid."""

    label: str
    path: str
    value: Any
    valid: bool


REMOVED = object()
NO_OBJECT: tuple[Any, ...] = (None, "x", 1, [])
NO_OBJECTS: tuple[Any, ...] = (None, "x", {}, [1], [None], [[]])  # values that aren't a list of objects


def probes(table: Obj, path: str) -> Iterator[Probe]:
    """Yield a probe for each rule of an object at `path` and below."""
    unknown = f"{path}.unknown".lstrip(".")
    yield Probe(f"{unknown} is there", unknown, {"any": None}, not table.closed)
    for written, rule in table.members.items():
        name = written.rstrip("!")
        here = f"{path}.{name}".lstrip(".")
        if rule is not ANYTHING:
            yield Probe(f"{here} is missing", here, REMOVED, not written.endswith("!"))
        if isinstance(rule, Simple):
            yield from (Probe(f"{here} is {value!r:.20}", here, value, True) for value in rule.good)
            yield from (Probe(f"{here} is {value!r:.20}", here, value, False) for value in rule.bad)
        elif isinstance(rule, Items):
            yield from _item_probes(rule.item, here)
        else:
            yield from (Probe(f"{here} is {value!r}", here, value, False) for value in NO_OBJECT)
            yield from probes(rule, here)


def _item_probes(item: Obj, path: str) -> Iterator[Probe]:
    """Yield probes of a list, each with one item that is complete except for one change."""
    yield Probe(f"{path} is empty", path, [], True)
    yield from (Probe(f"{path} is {value!r}", path, value, False) for value in NO_OBJECTS)
    whole = _good(item)
    for probe in probes(item, ""):
        changed = _changed(whole, probe)
        yield Probe(f"item of {path}: {probe.label}", path, [whole, changed], probe.valid)


def _good(rule: Any) -> Any:
    """Return a value with all members of a rule."""
    if isinstance(rule, Obj):
        return {name.rstrip("!"): _good(inner) for name, inner in rule.members.items()}
    return [_good(rule.item)] if isinstance(rule, Items) else rule.good[-1]


def _changed(event: Any, probe: Probe) -> Any:
    if probe.value is REMOVED:
        return samples.without(event, probe.path)
    return samples.with_value(event, probe.path, probe.value)


def pipeline_event(kind: str) -> samples.Event:
    """Return a complete event with only fields that the pipeline knows."""
    event = samples.complete(kind)
    for key in PAGE_ONLY.get(kind, ()):
        del event["edata"][key]
    if kind == "share":
        del event["edata"]["items"][1]["obj"]
    return event


def is_valid(kind: str, event: Any) -> bool:
    strict = KINDS[kind].strict
    assert strict is not None
    return strict.validator.fault_of(event) is None


def wrong_verdicts(kind: str, event: samples.Event, found: Iterator[Probe]) -> list[str]:
    """Return the labels of the probes whose verdict differs from the schema's."""
    return [probe.label for probe in found if is_valid(kind, _changed(event, probe)) is not probe.valid]


def test_the_table_has_every_v3_event() -> None:
    assert set(EDATA) == set(samples.SUNBIRD)


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_a_complete_event_of_the_pipeline_passes(kind: str) -> None:
    assert is_valid(kind, pipeline_event(kind))


@pytest.mark.parametrize("kind", EDATA)
def test_verdicts_on_edata_equal_the_pipelines(kind: str) -> None:
    assert wrong_verdicts(kind, pipeline_event(kind), probes(EDATA[kind], "edata")) == []


def test_verdicts_on_the_envelope_equal_the_pipelines() -> None:
    event = samples.with_value(pipeline_event("log"), "object.name", "x")
    assert wrong_verdicts("log", event, probes(ENVELOPE, "")) == []


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_edata_must_be_an_object(kind: str) -> None:
    for value in NO_OBJECT:
        assert not is_valid(kind, samples.with_value(pipeline_event(kind), "edata", value)), value


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_edata_is_required(kind: str) -> None:
    assert not is_valid(kind, samples.without(pipeline_event(kind), "edata"))


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in PAGE_ONLY.items() for key in keys])
def test_fields_that_only_the_page_has_are_rejected(kind: str, key: str) -> None:
    event = pipeline_event(kind)
    event["edata"][key] = samples.complete(kind)["edata"][key]

    assert not is_valid(kind, event)


def test_obj_of_a_shared_item_is_rejected() -> None:
    assert not is_valid("share", samples.complete("share"))


@pytest.mark.parametrize("kind", ["ui_action", "emitted_event"])
def test_strict_equals_lenient_for_other_formats(kind: str) -> None:
    entry = KINDS[kind]

    assert entry.held(strict=True, encoding="json") is entry.held(strict=False, encoding="json")
