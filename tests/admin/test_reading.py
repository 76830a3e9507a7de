"""Helpers that format rows for people: periods, JSON, shortened texts."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from events.admin.display import highlighted, indented
from events.admin.filters import PERIODS, period
from events.lib.formatting import shorten
from tests.admin.conftest import text_of

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(ANY_JSON)
def test_highlighted_json_keeps_the_value_and_is_escaped(value: object) -> None:
    html = highlighted(indented(value))
    html.encode()
    assert json.loads(text_of(html)) == value
    assert "<" not in html.replace('<span class="json-', "").replace("</span>", "")


def test_json_too_long_to_highlight_is_still_escaped() -> None:
    text = indented("<" * 300_000)
    assert highlighted(text) == escape(text)


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("today", "2026-03-01", None),
        ("yesterday", "2026-02-28", "2026-03-01"),
        ("7d", "2026-02-23", None),
        ("30d", "2026-01-31", None),
        ("month", "2026-03-01", None),
        ("last-month", "2026-02-01", "2026-03-01"),
    ],
)
def test_a_preset_covers_whole_days(name: str, since: str, until: str | None) -> None:
    def day(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert period(name, datetime(2026, 3, 1, 12, 30, tzinfo=UTC)) == (day(since), until and day(until))


def test_every_preset_starts_at_midnight_in_the_readers_zone() -> None:
    now = datetime(2026, 1, 1, 0, 30, tzinfo=ZoneInfo("Asia/Kolkata"))
    for name in PERIODS:
        since, _ = period(name, now)
        assert (since.hour, since.minute, since.tzinfo) == (0, 0, now.tzinfo)
        assert since <= now


def test_a_long_text_is_shortened_in_the_middle() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghijk", 10) == "abcd…hijk"
