"""The counts that limits are checked against before decoding agree with plain counts."""

import json
import math
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.store.submission import canonical_json
from events.wire import values
from ingestion.dialects import availity, buildless_pb2, jsontext, protojson, sunbird

TEXTS = st.text(st.sampled_from('[]{},:"\\ a\x00\ud800é'), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


def keys_of(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(keys_of, value.values()))
    return sum(map(keys_of, value)) if isinstance(value, list) else 0


def elements_of(value: Any) -> int:
    """Count commas and opening brackets."""
    if not isinstance(value, list | dict):
        return 0
    items = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(len(items) - 1, 0) + sum(map(elements_of, items))


@given(JSON, st.integers(0, 6), st.booleans())
def test_depth_keys_and_elements_are_counted_outside_strings(value: Any, most: int, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    far = 10**6

    def code(keys: int = far, elements: int = far, depth: int = far) -> str:
        fault = jsontext.shape_fault(raw, jsontext.Limits(far, keys, elements, depth))
        return fault.code if fault else ""

    assert code(depth=most) == ("too_deep" if depth_of(value) > most else "")
    assert code(keys=most) == ("too_many_keys" if keys_of(value) > most else "")
    assert code(elements=most) == ("too_many_elements" if elements_of(value) > most else "")
    assert jsontext.has_more_elements(raw, most) == (elements_of(value) > most)


@pytest.mark.parametrize(("brackets", "deeper"), [(b"[" * 9, True), (b"[{" * 4, False), (b"]" * 99, False)])
def test_unbalanced_brackets_are_counted(brackets: bytes, deeper: bool) -> None:
    fault = jsontext.shape_fault(brackets, jsontext.Limits(10**6, 10**6, 10**6, 8))
    assert (fault is not None) == deeper


@given(st.lists(JSON, max_size=6), JSON, st.sampled_from((None, 2)))
def test_a_list_is_split_into_the_items_that_decoding_gives(
    items: list[Any], other: Any, indent: int | None
) -> None:
    body = json.dumps({"other": other, "a": {"events": [1]}, "events": items, "more": other}, indent=indent)

    cut = jsontext.split_list(body.encode(), b"events", 10)

    assert cut is not None
    assert [json.loads(piece) for piece in cut[1]] == items
    assert json.loads(cut[0])["events"] == []


@given(st.lists(JSON, min_size=1, max_size=6), JSON, st.sampled_from((None, 2)))
def test_items_that_strict_decoders_refuse_are_split_unchanged(
    items: list[Any], other: Any, indent: int | None
) -> None:
    odd = [*items, {"a": float("nan"), "b": [-math.inf, math.inf]}, "NaN,\ud800\\\ud800", {"\udfff": 1.0}]
    body = json.dumps({"other": other, "events": odd, "more": other}, indent=indent).encode()

    slices = sunbird._cut_mended(body)

    assert slices is not None
    assert [repr(json.loads(piece.raw)) for piece in slices] == list(map(repr, odd))


@pytest.mark.parametrize(
    "body",
    [
        b'{"events":[{"a":1NaN}]}',
        b'{"events":[-NaN]}',
        b'{"events":[1-Infinity]}',
        b'{"events":[NaN}',
        b'{"events":[NaN],"ets":NaN}',
        b'{"events":[NaN,1],"events":[0.0,2]}',
        b'{"events":[{"a":1e400}]}',
    ],
)
def test_other_bodies_are_left_to_the_slow_path(body: bytes) -> None:
    assert sunbird._cut_mended(body) is None


@pytest.mark.parametrize(
    "value", [{"a": "\ud800", "b\0": {"c": ["\\u0000", 1.5]}, "d": "plain"}, {"x": "\\\\"}]
)
def test_escaping_is_reversible(value: Any) -> None:
    escaped = values.escape(value)

    assert not values.is_unstorable(escaped)
    assert values.unescape(escaped) == value


@given(JSON)
def test_a_surrogate_is_billed_by_the_length_of_its_escape(value: Any) -> None:
    event = {"event": value, "\udfff": [1.0, "\ud800é"]}

    plain = json.dumps(event, ensure_ascii=False, separators=(",", ":")).replace("1.0", "1")

    charged, expected = canonical_json(event), plain.encode("utf-8", "backslashreplace")
    # Keys may be in another order, which doesn't change the cost.
    assert (len(charged), json.loads(charged)) == (len(expected), json.loads(expected))


def test_splitting_stops_at_the_limit_of_items() -> None:
    cut = jsontext.split_list(b'{"events":[' + b"1," * 1_000 + b"1]}", b"events", 5)
    assert cut is not None
    assert len(cut[1]) == 6


@given(JSON)
def test_text_that_postgresql_refuses_is_found_at_any_depth(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert values.is_unstorable(value) == ("\\u0000" in text.replace("\\\\", "") or "\ud800" in text)


@given(st.integers(0, 30), st.integers(0, 30))
def test_fields_of_protobuf_are_counted_at_all_depths(tools: int, contexts: int) -> None:
    event = buildless_pb2.Event()
    for _ in range(tools):
        event.event.detail.client.tool.add().name = "x" * 90
    for _ in range(contexts):
        event.event.context.add()
    # `event`, `detail` and `client` count as fields too unless they are empty.
    fields = 2 * tools + contexts + (3 if tools else 1 if contexts else 0)
    body = event.SerializeToString()

    assert protojson.bound_fault(body, fields) is None
    if fields:
        found = protojson.bound_fault(body, fields - 1)
        assert (found is not None) == (len(body) > 2 * (fields - 1))


@given(st.text(st.sampled_from("%+aAfF09eé€ &=."), max_size=40))
def test_forms_are_unquoted_like_urllib(text: str) -> None:
    assert availity.unquoted(text) == unquote_plus(text, errors="surrogateescape")
