"""Builds and tools: every figure equals a plain count of the events."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import pytest

from events.event import Event
from events.kinds.emitted_event import EmittedEvent
from reports.charts.numbers import change
from reports.filters import Filters
from reports.pages.activity import builds as page
from reports.pages.activity.builds import BY, KEYS
from reports.pages.links import Links
from reports.pages.page import Context
from reports.query import build_series
from reports.query.datasets import BUILDS
from reports.query.planner import answer, over_time
from reports.query.query import Answer, Query, Row
from tests.reports.lifelike import (
    NOW,
    Pair,
    by_bucket,
    each_filter,
    events_matching,
    just_before,
    of_module,
    question,
)

pytestmark = pytest.mark.django_db
AGENT = ("agent_version_major", "agent_version_minor", "agent_version_micro")


def lose_some() -> None:
    """Delete events: some last ones, some in the middle, and the indexes of a whole series."""
    scopes = sorted(EmittedEvent.objects.exclude(scope="").values_list("scope", flat=True).distinct())
    ends = EmittedEvent.objects.filter(scope__in=scopes[:3], final=True)
    middles = EmittedEvent.objects.filter(scope__in=scopes[2:5], index=1)
    lost = [row.pk for rows in (ends, middles) for row in rows]
    for model in (EmittedEvent, Event):
        model._default_manager.filter(pk__in=lost).delete()
    EmittedEvent.objects.filter(scope=scopes[5]).update(index=None)


stored = of_module(lose_some)


def keys_of(row: Any) -> dict[str, str]:
    version = ".".join(str(getattr(row, name) or 0) for name in AGENT)
    found = (row.collection, row.repository_name or row.repository_link, row.os_name or row.os_family,
             row.os_architecture, version if row.agent_version_major is not None else "")  # fmt: skip
    return {name: value or "" for name, value in zip(KEYS, found, strict=True)}


def over(filters: Filters) -> Filters:
    """Return filters that include a day before and after."""
    day = timedelta(days=1)
    period = filters.period
    wider = type(period)(period.first - day, period.end + day, period.zone)
    return filters.over(wider)


def series_of(filters: Filters) -> dict[tuple[Any, ...], list[Pair]]:
    """Return the series that began in the period."""
    groups = defaultdict(list)
    for event, row in events_matching("emitted_event", over(filters)):
        if row.scope:
            groups[event.owner_id, event.source_id, row.collection, row.scope].append((event, row))
    since, until = filters.period.since, filters.period.until
    return {key: pairs for key, pairs in groups.items() if since <= pairs[0][0].occurred_at < until}


def missing(pairs: list[Pair]) -> int:
    places = [row.index for _, row in pairs if row.index is not None]
    if not places:
        return 0
    first = 0 if len(places) < len(pairs) or min(places) == 0 else 1
    return max(0, int(max(places)) + 1 - first - len(pairs))


def total(filters: Filters, **where: str) -> Row:
    return answer(Query(BUILDS, ("events", "final", "in_series", "timed"), filters, where=where)).total


def parts(filters: Filters, name: str, **where: str) -> Answer:
    return answer(Query(BUILDS, BY[name].metrics, filters, (name,), where))


@each_filter
def test_events_are_counted_by_each_key(asked: str) -> None:
    filters = question(asked)
    events = events_matching("emitted_event", filters)

    sums = total(filters)
    (line,) = over_time(Query(BUILDS, ("events",), filters), NOW)
    lines = over_time(Query(BUILDS, ("events",), filters, ("collection",)), NOW)

    assert (sums.count("events"), line.values["events"]) == (len(events), by_bucket(events, filters))
    assert sums.count("final") == sum(bool(row.final) for _, row in events)
    assert sums.count("in_series") == sum(bool(row.scope) for _, row in events)
    assert sums.count("timed") == sum(row.timer is not None for _, row in events)
    for name in KEYS:
        counts = Counter(keys_of(row)[name] for _, row in events)
        ends = Counter(keys_of(row)[name] for _, row in events if row.final)
        assert {
            row.keys[0]: (row.count("events"), row.count("final")) for row in parts(filters, name).rows
        } == {key: (times, ends[key]) for key, times in counts.items()}, name
    assert {each.key: each.values["events"] for each in lines} == {
        name: by_bucket([pair for pair in events if pair[1].collection == name], filters)
        for name in {row.collection for _, row in events}
    }


@each_filter
def test_series_are_complete_unended_or_have_gaps(asked: str) -> None:
    filters = question(asked)
    series = series_of(filters)
    states: Counter[str] = Counter()
    broken = set()
    for key, pairs in series.items():
        ended = any(row.final for _, row in pairs)
        stale = pairs[-1][0].occurred_at < NOW - timedelta(hours=1)
        gone = missing(pairs)
        states["whole"] += ended and not gone
        states["with_gaps"] += ended and gone > 0
        states["unended"] += not ended and stale
        states["running"] += not ended and not stale
        states["missing"] += gone
        if gone or (not ended and stale):
            broken.add((key[3], key[2], key[1], len(pairs), gone, ended))

    found = build_series.states(filters, NOW, {})
    whole = build_series.of_all(found)

    assert whole.series == len(series)
    assert {name: getattr(whole, name) for name in states} == states
    assert Counter({each.collection: each.series for each in found}) == Counter(key[2] for key in series)
    assert {
        (each.scope, each.collection, each.source_id, each.events, each.missing, each.has_ended)
        for each in build_series.broken(filters, NOW, {}, 100)
    } == broken


def test_the_data_has_series_of_each_state() -> None:
    states = build_series.of_all(build_series.states(question("everything"), NOW, {}))

    assert min(states.whole, states.with_gaps, states.unended, states.missing) > 0
    assert 0 < (states.whole_share or 0) < 1


@each_filter
def test_timers_are_counted_and_measured(asked: str) -> None:
    filters = question(asked)
    groups = defaultdict(list)
    for event, row in events_matching("emitted_event", over(filters)):
        if row.timer is not None:
            groups[event.owner_id, row.timer].append((event, row))
    since, until = filters.period.since, filters.period.until
    timers = [pairs for pairs in groups.values() if since <= pairs[0][0].occurred_at < until]
    lengths = sorted((pairs[-1][0].occurred_at - pairs[0][0].occurred_at).total_seconds() for pairs in timers)

    found, by_collection = build_series.timers(filters, {})

    assert (found.timers, found.events or 0) == (len(timers), sum(map(len, timers)))
    assert found.half == (pytest.approx(lengths[(len(lengths) + 1) // 2 - 1]) if lengths else None)
    assert found.most == (pytest.approx(lengths[-(-len(lengths) * 9 // 10) - 1]) if lengths else None)
    assert {each.collection: each.timers for each in by_collection} == Counter(
        min(row.collection or "" for _, row in pairs) for pairs in timers
    )


@pytest.mark.parametrize("name", KEYS)
def test_each_key_can_be_filtered_by(name: str) -> None:
    filters = question("everything")
    counts = Counter(keys_of(row)[name] for _, row in events_matching("emitted_event", filters))
    value, times = min(counts.items(), key=lambda each: each[1])

    found = total(filters, **{name: value})

    assert found.count("events") == times < counts.total() or len(counts) == 1
    assert [row.keys[0] for row in parts(filters, name, **{name: value}).rows] == [value]


def test_figures_are_compared_with_the_period_before() -> None:
    filters = question("some days")
    before = filters.over(just_before(filters.period))
    compared = question("some days", compare=just_before(filters.period))
    context = Context(NOW, Links("builds", {}), {}, {}, sees_all=True)

    assert total(compared).earlier("events") == total(before).count("events") > 0
    whole = build_series.of_all(build_series.states(before, NOW, {}))
    unended = page.build(compared, context).figures[2]
    assert unended.change == change(int(unended.value or 0), whole.unended, more_is="bad")


def test_the_answer_matches_the_figures_and_figures_link_to_events() -> None:
    filters = question("everything")
    params: dict[str, tuple[str, ...]] = {"agent_version": ("1.5.0",)}
    context = Context(NOW, Links("builds", {}), {}, {}, sees_all=True)

    report = page.build(filters, context)
    narrowed = page.build(filters, Context(NOW, Links("builds", {}), {}, {}, sees_all=True, params=params))

    assert report.answer.startswith(
        f"{total(filters).count('events'):,} events of builds and tools in the last 7 days; "
    )
    assert report.attention
    broken = report.block("broken")
    assert broken
    assert f"scope={build_series.broken(filters, NOW, {}, 1)[0].scope}" in broken.rows.rows[0].href
    assert narrowed.block("broken") is None
    assert "agent_version_minor=5" in narrowed.figures[0].href
