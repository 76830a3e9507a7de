"""Lenient validation rejects only events with invalid hard fields, and warns about everything else."""

from itertools import product
from typing import Any

import pytest

from events.kinds import KINDS
from events.wire.columns import Need
from events.wire.schema import Warned
from tests.wire import samples

HARD = {
    kind: [
        leaf.dotted for leaf in KINDS[kind].schema.leaves if leaf.need is Need.HARD and leaf.dotted != "eid"
    ]
    for kind in samples.ALL
}
SOFT = [
    ("start", "edata.mode"),
    ("start", "edata.stageid"),
    ("assess", "edata.pass"),
    ("assess", "edata.score"),
    ("impression", "edata.uri"),
    ("response", "edata.qid"),
    ("response", "edata.target.parent.type"),
    ("feedback", "edata.contentId"),
    ("audit", "edata.props"),
    ("search", "edata.type"),
    ("metrics", "edata.system"),
    ("metrics", "edata.subsystem"),
    ("end", "edata.duration"),
    ("end", "edata.contentId"),
    ("emitted_event", "event.detail.tenant.oid"),
    ("emitted_event", "event.detail.tenant.name"),
    ("emitted_event", "event.detail.user.uid"),
    ("emitted_event", "event.detail.user.email"),
    ("emitted_event", "event.detail.repository.provider"),
    ("emitted_event", "event.detail.repository.link"),
    ("emitted_event", "event.detail.client.os.name"),
    ("emitted_event", "event.detail.client.os.family"),
    ("emitted_event", "event.detail.client.os.arch"),
]
HARD_EDATA = {
    "start": {"type"},
    "impression": {"type", "pageid"},
    "interact": {"type", "id"},
    "assess": {"item.id", "resvalues", "duration"},
    "response": {"target.id", "target.ver", "target.type", "type", "values"},
    "interrupt": {"type"},
    "share": {"items"},
    "error": {"err", "errtype", "stacktrace"},
    "log": {"type", "level", "message"},
    "search": {"query", "size", "topn"},
    "summary": {"type", "starttime", "endtime", "timespent", "pageviews", "interactions"},
    "end": {"type"},
}
HARD_ENVELOPE = {
    "ets", "ver", "mid", "actor.id", "actor.type", "context.channel", "context.env", "context.pdata.id",
}  # fmt: skip


def warnings_of(kind: str, event: samples.Event) -> list[Warned]:
    entry = KINDS[kind]
    return entry.schema.take(event, entry.lenient.soft).warnings


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_both_documents_require_the_hard_fields(kind: str) -> None:
    expected = HARD_ENVELOPE | {f"edata.{path}" for path in HARD_EDATA.get(kind, ())}

    assert set(HARD[kind]) == expected


@pytest.mark.parametrize("make", [samples.complete, samples.minimal])
@pytest.mark.parametrize("kind", samples.ALL)
def test_a_missing_hard_field_is_named(kind: str, make: Any) -> None:
    for path in HARD[kind]:
        fault = KINDS[kind].lenient.validator.fault_of(samples.without(make(kind), path))

        assert fault is not None, path
        assert (fault.code, fault.path) == ("missing", path)


@pytest.mark.parametrize("kind", samples.ALL)
def test_a_hard_field_of_a_wrong_type_is_named(kind: str) -> None:
    wrong: tuple[Any, ...] = (None, True, {})
    for path, value in product(HARD[kind], wrong):
        event = samples.with_value(samples.complete(kind), path, value)

        fault = KINDS[kind].lenient.validator.fault_of(event)

        assert fault is not None, (path, value)
        assert (fault.code, fault.path) == ("wrong_type", path)


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_edata_is_required(kind: str) -> None:
    validator = KINDS[kind].lenient.validator

    missing = validator.fault_of(samples.without(samples.complete(kind), "edata"))
    wrong = validator.fault_of(samples.with_value(samples.complete(kind), "edata", []))

    assert missing is not None
    assert (missing.code, missing.path) == ("missing", "edata")
    assert wrong is not None
    assert (wrong.code, wrong.path) == ("wrong_type", "edata")


@pytest.mark.parametrize("value", ["12", "-1.5", "1e3", 12, 1.5], ids=repr)
@pytest.mark.parametrize("path", ["edata.timespent", "edata.starttime", "ets"])
def test_a_numeric_text_is_accepted_as_a_number(path: str, value: Any) -> None:
    event = samples.with_value(samples.complete("summary"), path, value)

    assert KINDS["summary"].lenient.validator.fault_of(event) is None


def test_a_numeric_text_fills_its_column() -> None:
    event = samples.with_value(samples.complete("summary"), "edata.timespent", "12.50")

    taken = KINDS["summary"].schema.take(event, KINDS["summary"].lenient.soft)

    assert taken.kind["timespent"] == 12.5
    assert taken.extra == {"edata": {"timespent": "12.50"}}
    assert taken.warnings == []


@pytest.mark.parametrize(("kind", "path"), SOFT)
def test_a_missing_soft_field_causes_a_warning(kind: str, path: str) -> None:
    event = samples.without(samples.complete(kind), path)
    event.pop("object", None)  # its id would replace a missing contentId

    missing = [warned.path for warned in warnings_of(kind, event) if warned.code == "missing"]

    assert path in missing
    assert KINDS[kind].lenient.validator.fault_of(event) is None


@pytest.mark.parametrize(("kind", "path"), SOFT)
def test_a_soft_field_of_a_wrong_type_causes_one_warning(kind: str, path: str) -> None:
    event = samples.with_value(samples.complete(kind), path, {"of": "a wrong type"})

    assert warnings_of(kind, event) == [Warned(path, "wrong_type")]


@pytest.mark.parametrize("kind", samples.ALL)
def test_a_minimal_event_has_warnings_for_soft_fields_of_existing_objects(kind: str) -> None:
    # Fields of a missing object aren't reported, nor is the type of a missing parent.
    expected = {
        path
        for name, path in SOFT
        if name == kind and kind != "emitted_event" and path != "edata.target.parent.type"
    }

    assert {warned.path for warned in warnings_of(kind, samples.minimal(kind))} == expected


@pytest.mark.parametrize("kind", samples.ALL)
def test_no_value_of_a_soft_field_is_rejected(kind: str) -> None:
    leaves = KINDS[kind].schema.leaves
    optional = [leaf.dotted for leaf in leaves if leaf.need is not Need.HARD and leaf.held is None]
    assert optional
    for path, value in product(optional, samples.ODD):
        event = samples.with_value(samples.complete(kind), path, value)
        assert KINDS[kind].lenient.validator.fault_of(event) is None, (path, value)


@pytest.mark.parametrize("kind", ["feedback", "end"])
def test_the_object_replaces_a_missing_content_id(kind: str) -> None:
    event = samples.without(samples.complete(kind), "edata.contentId")

    assert warnings_of(kind, event) == []
