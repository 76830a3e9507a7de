"""An event that was decomposed into columns is reassembled exactly as sent."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.kinds import KINDS
from events.wire.values import FILLED, LARGE_DOUBLES
from tests.wire import samples
from tests.wire.rows import exact, give_back

MAKERS = (samples.complete, samples.minimal)


def assert_comes_back(kind: str, event: samples.Event) -> None:
    """Check that a decomposed and stored event is reassembled unchanged."""
    before = deepcopy(event)
    taken = KINDS[kind].schema.take(event, KINDS[kind].lenient.soft)
    # As noted by ingestion if the row has the key's owner.
    filled = [FILLED + "owner"] if kind == "ui_action" and "owner" not in event else []
    given_back = give_back(kind, taken, filled)
    assert event == before, "taking an event apart must not change it"
    assert exact(given_back) == exact(event)


def leaf_paths(kind: str) -> list[str]:
    # `eid` selects the kind, so it is always valid.
    return [leaf.dotted for leaf in KINDS[kind].schema.leaves if leaf.dotted != "eid"]


def object_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all objects outside of lists."""
    if isinstance(value, dict):
        yield path
        for key, below in value.items():
            yield from object_paths(below, f"{path}.{key}".lstrip("."))


def is_accepted(kind: str, event: Any) -> bool:
    entry = KINDS[kind]
    return any(
        held.validator.fault_of(event) is None for held in (entry.lenient, *entry.by_encoding.values())
    )


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("kind", samples.ALL)
def test_a_sample_comes_back(kind: str, make: Any) -> None:
    assert_comes_back(kind, make(kind))


@pytest.mark.parametrize("kind", samples.ALL)
def test_a_complete_sample_has_a_column_for_every_known_key(kind: str) -> None:
    unknown = {
        "heartbeat": {"edata": samples.edata("heartbeat")},
        "metrics": {"edata": {"cacheHits": 98, "cacheMisses": 2}},
        "exdata": {"edata": {"partner": {"id": "p-1"}}},
        "ui_action": {"telemetryBody": {"entries": {"analyticsRegion": "header"}}},
    }

    taken = KINDS[kind].schema.take(samples.complete(kind), KINDS[kind].lenient.soft)

    assert taken.extra == unknown.get(kind)
    assert taken.warnings == []


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("kind", samples.ALL)
def test_unknown_keys_come_back_from_every_level(kind: str, make: Any) -> None:
    event = make(kind)
    for path in list(object_paths(event)):
        event = samples.with_value(event, f"{path}.unknown key".lstrip("."), {"any": [None, 1e22]})

    assert_comes_back(kind, event)


@pytest.mark.parametrize("kind", samples.ALL)
def test_odd_values_come_back_from_every_field_that_accepts_them(kind: str) -> None:
    for value in samples.ODD:
        accepted = 0
        for path in leaf_paths(kind):
            event = samples.with_value(samples.complete(kind), path, value)
            if is_accepted(kind, event):
                assert_comes_back(kind, event)
                accepted += 1
        assert accepted, f"optional fields accept anything, but not {value!r:.30}"


@pytest.mark.parametrize("kind", samples.ALL)
def test_odd_values_in_place_of_objects_come_back(kind: str) -> None:
    complete = samples.complete(kind)
    for path, value in product(object_paths(complete), samples.ODD):
        event = samples.with_value(complete, path, value) if path else complete
        if is_accepted(kind, event):
            assert_comes_back(kind, event)


@pytest.mark.parametrize("kind", samples.ALL)
def test_empty_objects_come_back(kind: str) -> None:
    complete = samples.complete(kind)
    emptied = [samples.with_value(complete, path, {}) for path in object_paths(complete) if path]
    for event in filter(lambda event: is_accepted(kind, event), emptied):
        assert_comes_back(kind, event)


# Text that PostgreSQL and UTF-8 can store: ingestion escapes everything else earlier.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["1", "1.5", "-0", "1e22", "v1", "a@b", "", "GITHUB", "AAAA"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@st.composite
def laid_over(draw: st.DrawFn) -> tuple[str, Any]:
    """Return a sample with arbitrary JSON at some existing and new keys."""
    kind = draw(st.sampled_from(samples.ALL))
    event = draw(st.sampled_from(MAKERS))(kind)
    known = leaf_paths(kind)
    for _ in range(draw(st.integers(0, 5))):
        places = [path for path in object_paths(event) if path] + known
        path = draw(st.sampled_from(places) | TEXTS.filter(lambda text: "." not in text and text != "eid"))
        try:
            event = samples.with_value(event, path, draw(JSON))
        except (AttributeError, TypeError):
            continue  # replaced in an earlier round
    return kind, event


@given(laid_over())
def test_any_accepted_event_comes_back(case: tuple[str, Any]) -> None:
    kind, event = case
    for held in (KINDS[kind].lenient, *KINDS[kind].by_encoding.values()):
        fault = held.validator.fault_of(event)
        if fault is None:
            assert_comes_back(kind, event)
        else:
            assert fault.code.isidentifier()
            assert fault.message.endswith(".")


@given(laid_over())
def test_strictly_valid_events_are_leniently_valid(case: tuple[str, Any]) -> None:
    kind, event = case
    strict = KINDS[kind].strict
    if strict and strict.validator.fault_of(event) is None:
        assert KINDS[kind].lenient.validator.fault_of(event) is None


@given(st.sampled_from(samples.ALL), st.dictionaries(TEXTS, JSON, max_size=3))
def test_any_object_can_be_validated(kind: str, event: Any) -> None:
    for held in (KINDS[kind].lenient, KINDS[kind].held(strict=True, encoding="json")):
        fault = held.validator.fault_of(event)
        assert fault is not None
        assert fault.path


def test_a_large_double_in_a_json_column_comes_back_as_a_double() -> None:
    # jsonb returns it as an integer of 24 digits.
    event = samples.with_value(samples.complete("search"), "edata.filters", {"most": 1e23})
    taken = KINDS["search"].schema.take(event, ())

    most = samples.at(give_back("search", taken, [LARGE_DOUBLES]), "edata.filters.most")

    assert type(most) is float
