"""Services: every figure equals a plain count of the events."""

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from reports.figures.single_events import CHANGES, trail
from reports.filters import Filters
from reports.pages.health import services as page
from reports.pages.health.services import METRICS, STATISTICS, MetricKey, values_of
from reports.pages.links import Links
from reports.pages.page import Context
from reports.pages.sections import PageData
from reports.query.datasets import HEARTBEATS, LOGS, MEASUREMENTS
from reports.query.heartbeats import lives, overdue
from reports.query.planner import answer, over_time
from reports.query.query import Query
from tests.reports.lifelike import (
    NOW,
    by_bucket,
    each_filter,
    events_matching,
    just_before,
    of_module,
    question,
)

pytestmark = pytest.mark.django_db
stored = of_module()
QUARTER = timedelta(minutes=15)


@each_filter
def test_levels_of_logs_are_counted_over_time_and_by_source(asked: str) -> None:
    filters = question(asked)
    entries = events_matching("log", filters)
    levels = Counter(row.level.upper() for _, row in entries)
    bad = Counter(event.source_id for event, row in entries if row.level.upper() in ("ERROR", "FATAL"))

    by_level = answer(Query(LOGS, ("entries",), filters, ("level",)))
    by_source = answer(Query(LOGS, ("entries", "errors"), filters, ("source",)))
    total = answer(Query(LOGS, ("entries", "errors"), filters)).total
    lines = over_time(Query(LOGS, ("entries",), filters, ("level",)), NOW)

    assert {row.keys[0]: row.count("entries") for row in by_level.rows} == levels
    assert (total.count("entries"), total.count("errors")) == (len(entries), bad.total())
    assert {line.key: line.values["entries"] for line in lines} == {
        level: by_bucket([pair for pair in entries if pair[1].level.upper() == level], filters)
        for level in levels
    }
    assert {row.keys[0]: (row.count("entries"), row.count("errors")) for row in by_source.rows} == {
        source: (times, bad[source]) for source, times in Counter(e.source_id for e, _ in entries).items()
    }


def measured(filters: Filters) -> dict[MetricKey, list[Any]]:
    """Return the times and values of each metric."""
    found = defaultdict(list)
    for event, row in events_matching("metrics", filters):
        for item in row.metrics:
            key = MetricKey(item["metric"], row.system or "", row.subsystem or "")
            found[key].append((event.occurred_at, item["value"]))
    return found


@each_filter
def test_metrics_are_summarised_over_the_period(asked: str) -> None:
    filters = question(asked)

    found = answer(Query(MEASUREMENTS, (*METRICS.metrics, "latest"), filters, METRICS.by))

    assert {MetricKey(*row.keys) for row in found.rows} == set(measured(filters))
    for row in found.rows:
        points = measured(filters)[MetricKey(*row.keys)]
        numbers = [value for _, value in points]
        assert row.count("count") == len(points)
        assert row.number("sum") == pytest.approx(sum(numbers))
        assert row.number("mean") == pytest.approx(sum(numbers) / len(numbers))
        assert (row.number("least"), row.number("greatest")) == (min(numbers), max(numbers))
        assert (row.values["latest"], row.number("last")) == max(points)
        ranked = sorted(numbers)
        assert row.number("p95") == pytest.approx(ranked[-(-len(ranked) * 95 // 100) - 1], rel=0.033)


def data_of(filters: Filters) -> PageData:
    context = Context(NOW, Links("services", {}), {}, {}, sees_all=True)
    return PageData(MEASUREMENTS, filters, context, lambda *_: "")


@each_filter
@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_metric_is_shown_over_time_by_any_statistic(asked: str, statistic: str) -> None:
    filters = question(asked)
    key = MetricKey("latency_p95_ms", "content-service", "api")
    starts = filters.period.buckets(filters.granularity)
    buckets = defaultdict(list)
    for at, value in measured(filters).get(key, []):
        buckets[max(place for place, start in enumerate(starts) if start <= at)].append(value)

    found = values_of(data_of(filters), key, statistic)

    assert len(found) == len(starts)
    for place, value in enumerate(found):
        numbers = buckets[place]
        if not numbers:
            assert value is None
        elif statistic == "p95":
            ranked = sorted(numbers)
            assert value == pytest.approx(ranked[-(-len(ranked) * 95 // 100) - 1], rel=0.033)
        else:
            expected = {"mean": sum(numbers) / len(numbers), "sum": sum(numbers), "last": numbers[-1]}
            assert value == pytest.approx(expected[statistic])


@each_filter
def test_heartbeats_and_their_gaps_are_counted(asked: str) -> None:
    filters = question(asked)
    signs = events_matching("heartbeat", filters)
    by_source = defaultdict(list)
    for event, _ in signs:
        by_source[event.source_id].append(event.occurred_at)

    found = lives(filters)
    lines = over_time(Query(HEARTBEATS, ("heartbeats",), filters, ("source",)), NOW)
    over = {line.key: line.values["heartbeats"] for line in lines}

    assert {each.source_id for each in found} == set(by_source) == set(over)
    for each in found:
        times = by_source[each.source_id]
        usual = max(QUARTER, 3 * (times[-1] - times[0]) / max(len(times) - 1, 1))
        gaps = [two - one for one, two in pairwise(times) if two - one > usual]
        assert (each.signs, each.first, each.latest) == (len(times), times[0], times[-1])
        assert (each.silences, each.longest) == (len(gaps), max(gaps, default=None))
        assert over[each.source_id] == by_bucket(
            [pair for pair in signs if pair[0].source_id == each.source_id], filters
        )


def test_an_overdue_heartbeat_is_reported() -> None:
    filters = question("everything")
    (life,) = lives(filters)

    assert overdue(life, filters, NOW) == NOW - life.latest > life.usual
    assert overdue(life, filters, life.latest + QUARTER / 2) is None


@each_filter
def test_changes_of_an_object_are_listed(asked: str) -> None:
    filters = question(asked)
    changes = events_matching("audit", filters)
    about = (
        Counter(event.object_id or "" for event, _ in changes).most_common(1)[0][0] if changes else "nothing"
    )

    whole, found = trail(filters), trail(filters, about)

    assert [each.event_id for each in whole.changes] == [
        str(event.pk) for event, _ in reversed(changes[-CHANGES:])
    ]
    assert [
        (each.event_id, each.at, each.object_id, each.before, each.after, each.props)
        for each in found.changes
    ] == [
        (str(event.pk), event.occurred_at, about, row.previous_state or "", row.state or "", tuple(row.props))
        for event, row in reversed(changes)
        if event.object_id == about
    ]


def built(filters: Filters, **params: tuple[str, ...]) -> Any:
    return page.build(filters, Context(NOW, Links("services", {}), {}, {}, sees_all=True, params=params))


def test_the_answer_matches_the_figures_and_parameters_select_details() -> None:
    filters = question("everything")
    metrics = answer(Query(MEASUREMENTS, ("count",), filters, METRICS.by))
    metric = MetricKey(*metrics.rows[-1].keys)

    report = built(filters, metric=(metric.text,), statistic=("sum",), object=("do_3001",))

    assert report.answer.startswith("No source is silent; 1 of 1 heartbeat is overdue; ")
    assert report.attention[0].sentence.startswith("The heartbeat of a source is overdue: the last was ")
    assert report.block("values").title == f"{metric.metric}: sum"
    assert report.block("trail").title == "Changes of do_3001"
    assert built(filters, metric=("no/such/metric",), statistic=("worst",)).block("values").is_empty


def test_a_truncated_list_of_changes_links_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    filters = question("everything")
    all_of, some = trail(filters), trail(filters, limit=1)
    assert not all_of.has_more
    assert built(filters).block("trail").whole == ""

    monkeypatch.setattr(page, "trail", lambda *_: some)

    block = built(filters, object=("do_3001",)).block("trail")
    assert block.note == "The newest 1 changes; there are more."
    assert block.whole.startswith("/admin/events/audit/?")
    assert "object=do_3001" in block.whole


def test_figures_are_compared_with_the_period_before() -> None:
    filters = question("some days")
    before = just_before(filters.period)

    metrics = ("entries", "errors", "error_share")
    found = answer(Query(LOGS, metrics, question("some days", compare=before))).total
    assert found.before == answer(Query(LOGS, metrics, filters.over(before))).total.values
