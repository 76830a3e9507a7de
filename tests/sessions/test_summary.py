"""The pure function that summarises a session: results worked out by hand from the rules."""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from events.sessions import summary as module
from events.sessions.record import Record
from events.sessions.summary import INACTIVITY_MS, Environment, Page, cut, summarise
from tests.sessions.records import at, touch, view


def test_pages_and_time_of_a_session_are_computed() -> None:
    summary = summarise(
        [
            at(0, "start", "App", "play", actor="u1", actor_type="User", environment="home"),
            view(2, "a"),
            touch(5),
            view(10.006, "b", "player"),
            at(20.01, "error"),
            view(30, "a"),
            at(31.5, "end", device="d1"),
        ]
    )
    assert (summary.type, summary.mode) == ("app", "play")
    assert summary.time_spent == Decimal("31.50")
    assert (summary.page_views, summary.interactions, summary.errors, summary.events) == (3, 1, 1, 7)
    assert summary.counts == {"start": 1, "impression": 3, "interact": 1, "error": 1, "end": 1}
    # Gaps on page a: 3, 5.006 → 5.01, then 1.5; on b 10.004 → 10.00 and 9.99.
    assert summary.pages == (
        Page("a", "view", "home", Decimal("9.51"), 2),
        Page("b", "view", "player", Decimal("19.99"), 1),
    )
    assert summary.environments == (
        Environment("home", Decimal("9.51"), 2),
        Environment("player", Decimal("19.99"), 1),
    )
    assert (summary.first_page, summary.last_page) == ("a", "a")
    assert (summary.first.kind, summary.last.kind) == ("start", "end")
    assert (summary.actor, summary.actor_type, summary.device) == ("u1", "User", "d1")


@pytest.mark.parametrize(
    ("gap", "counted"),
    [(600, "600.00"), (600.001, "0.00"), (0.004, "0.00"), (0.005, "0.01"), (0.014, "0.01"), (1e5, "0.00")],
)
def test_a_gap_counts_up_to_ten_minutes_and_is_rounded_half_up(gap: float, counted: str) -> None:
    assert summarise([touch(0), touch(gap)]).time_spent == Decimal(counted)


def test_each_gap_is_rounded_separately() -> None:
    assert summarise([touch(0), touch(0.005), touch(0.010), touch(0.015)]).time_spent == Decimal("0.03")


def test_a_session_of_one_event_took_no_time() -> None:
    summary = summarise([view(0, "a")])
    assert (summary.time_spent, summary.events, summary.page_views) == (Decimal(0), 1, 1)
    assert summary.pages == (Page("a", "view", "home", Decimal("0.00"), 1),)


def test_idle_time_counts_for_no_page_but_continues_the_visit() -> None:
    summary = summarise([view(0, "a"), touch(1000), touch(1001)])
    assert summary.pages == (Page("a", "view", "home", Decimal("1.00"), 1),)


def test_time_before_the_first_page_counts_for_no_page() -> None:
    summary = summarise([touch(0), view(7, "a"), touch(8)])
    assert (summary.time_spent, summary.pages[0].time_spent) == (Decimal(8), Decimal(1))


def test_a_page_is_separate_per_environment_and_keeps_its_first_type() -> None:
    summary = summarise([view(0, "a", "x", "list"), view(1, "a", "y"), view(3, "a", "x", "detail")])
    assert summary.pages == (Page("a", "list", "x", Decimal(1), 2), Page("a", "view", "y", Decimal(2), 1))


def test_the_type_is_taken_from_the_first_start_or_is_app() -> None:
    assert summarise([touch(0)]).type == "app"
    late = summarise([touch(0), at(1, "start", "Player", ""), at(2, "start", "app", "edit")])
    assert (late.type, late.mode) == ("player", None)


@pytest.mark.parametrize(
    ("record", "interactions", "pages", "errors"),
    [
        (at(0, "interact", "CLICK"), 1, 0, 0),
        (at(0, "interact", "hover"), 0, 0, 0),
        (at(0, "interact", None), 0, 0, 0),
        (at(0, "ui_action", "page", "load", "info", "/claims", "spaces"), 0, 1, 0),
        (at(0, "ui_action", "page", "click", "info", "/claims", "spaces"), 1, 0, 0),
        (at(0, "ui_action", "submit", "click", "ERROR", None, None), 1, 0, 1),
        (at(0, "ui_action", None, None, None, None, None), 1, 0, 0),
        (at(0, "emitted_event", '[{"action": "run"}, {"event": "x"}, {"action": "get"}]'), 2, 0, 0),
        (at(0, "emitted_event", '[{"action": "", "n": 1e400}]'), 0, 0, 0),
        (at(0, "emitted_event", None), 0, 0, 0),
        (at(0, "log"), 0, 0, 0),
    ],
)
def test_events_count_as_interactions_pages_or_errors(
    record: Record, interactions: int, pages: int, errors: int
) -> None:
    summary = summarise([record])
    assert (summary.interactions, summary.page_views, summary.errors) == (interactions, pages, errors)


def test_availitys_page_is_its_url_or_category() -> None:
    loads = [("page", "load", "info", "/a", "claims"), ("page", "load", "info", None, "claims")]
    summary = summarise([at(n, "ui_action", *load, dialect="availity") for n, load in enumerate(loads)])
    assert [(page.page, page.type) for page in summary.pages] == [("/a", "claims"), ("claims", "claims")]
    assert summary.environments == ()


def test_no_events_give_no_summary() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        summarise([])


def test_more_than_thirty_minutes_of_inactivity_split_events() -> None:
    times = [0, 1800, 1800.001, 3600.002, 9000]
    found = [(made.first.occurred_ms, made.events) for made in cut(map(touch, times), INACTIVITY_MS)]
    begin = touch(0).occurred_ms
    assert found == [(begin, 3), (begin + 3_600_002, 1), (begin + 9_000_000, 1)]
    assert [made.events for made in cut(map(touch, times), None)] == [5]


def test_pages_beyond_the_limit_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 2)
    summary = summarise([view(n, f"p{n}") for n in range(5)] + [view(6, "p0")])
    assert [(page.page, page.visits) for page in summary.pages] == [("p0", 2), ("p1", 1), ("(other)", 3)]
    assert summary.pages[-1] == Page("(other)", None, None, Decimal(4), 3)


def test_events_are_streamed_and_not_kept() -> None:
    alive: list[Any] = []

    def stream() -> Iterator[Record]:
        for n in itertools.count():
            alive.append(n)
            yield touch(n * 2000)

    first = next(cut(stream(), INACTIVITY_MS))
    assert (first.events, len(alive)) == (1, 2)
