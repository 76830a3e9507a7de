"""Every kind has complete and minimal samples, which match its columns."""

from typing import Any

import pytest

from events.kinds import KINDS
from events.wire.columns import Need
from tests.wire import samples


def test_every_kind_has_samples() -> None:
    assert set(samples.ALL) == set(KINDS)


@pytest.mark.parametrize("kind", samples.ALL)
def test_a_complete_event_fills_every_column(kind: str) -> None:
    schema = KINDS[kind].schema

    taken = schema.take(samples.complete(kind), ())

    filled = {**taken.envelope, **taken.kind}
    assert {leaf.column for leaf in schema.leaves} == {
        name for name, value in filled.items() if value is not None
    }


@pytest.mark.parametrize("kind", samples.ALL)
def test_a_minimal_event_has_the_hard_fields_and_no_others(kind: str) -> None:
    hard = {leaf.dotted for leaf in KINDS[kind].schema.leaves if leaf.need is Need.HARD}

    assert _paths(samples.minimal(kind)) - {"edata"} == hard


@pytest.mark.parametrize("kind", samples.ALL)
@pytest.mark.parametrize("make", [samples.complete, samples.minimal])
def test_samples_are_valid(kind: str, make: Any) -> None:
    assert KINDS[kind].lenient.validator.fault_of(make(kind)) is None


def test_samples_accept_an_id_and_a_time() -> None:
    event = samples.minimal("start", ms=5, mid="START:x")
    emitted = samples.complete("emitted_event", ms=5, mid="x" * 12)

    assert (event["ets"], event["mid"]) == (5, "START:x")
    assert (emitted["event"]["timing"]["occurred"], emitted["event"]["id"]) == ("5", "x" * 12)


def test_samples_are_independent_copies() -> None:
    samples.complete("start")["edata"]["dspec"]["os"] = "changed"

    assert samples.complete("start")["edata"]["dspec"]["os"] != "changed"


def _paths(value: Any, path: str = "") -> set[str]:
    """Return the paths of all values other than non-empty objects."""
    if not isinstance(value, dict) or not value:
        return {path}
    return {inner for key, below in value.items() for inner in _paths(below, f"{path}.{key}".lstrip("."))}
