"""Services: every number is what a plain look at the events says."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from reports.figures.services import (
    CHANGES,
    STATISTICS,
    MetricKey,
    Services,
    overdue,
    services,
    trail,
    values,
)
from reports.filters import Filters
from reports.pages import service_blocks
from reports.pages import services as page
from reports.pages.links import Links
from reports.pages.page import Context
from reports.pages.service_blocks import text_of
from tests.reports.lifelike import NOW, by_bucket, each_question, just_before, of_module, question, seen

pytestmark = pytest.mark.django_db
stored = of_module()
QUARTER = timedelta(minutes=15)


@each_question
def test_levels_of_logs_over_time_and_by_source(asked: str) -> None:
    filters = question(asked)
    entries = seen("log", filters)
    levels = Counter(row.level.upper() for _, row in entries)
    bad = Counter(event.source_id for event, row in entries if row.level.upper() in ("ERROR", "FATAL"))

    found = services(filters, NOW)

    assert found.levels == levels
    assert (found.entries, found.bad) == (len(entries), bad.total())
    assert found.by_level == {
        level: by_bucket([pair for pair in entries if pair[1].level.upper() == level], filters)
        for level in levels
    }
    assert {each.source_id: (each.entries, each.bad) for each in found.logs} == {
        source: (times, bad[source]) for source, times in Counter(e.source_id for e, _ in entries).items()
    }


def measured(filters: Filters) -> dict[MetricKey, list[Any]]:
    """The times and values of each metric."""
    found = defaultdict(list)
    for event, row in seen("metrics", filters):
        for item in row.metrics:
            key = MetricKey(row.system or "", row.subsystem or "", item["metric"])
            found[key].append((event.occurred_at, item["value"]))
    return found


@each_question
def test_metrics_over_the_whole_period(asked: str) -> None:
    filters = question(asked)

    found = services(filters, NOW)

    assert {each.key for each in found.metrics} == set(measured(filters))
    for each in found.metrics:
        points = measured(filters)[each.key]
        numbers = [value for _, value in points]
        assert each.count == len(points)
        assert each.total == pytest.approx(sum(numbers))
        assert each.mean == pytest.approx(sum(numbers) / len(numbers))
        assert (each.least, each.most) == (min(numbers), max(numbers))
        assert (each.latest, each.last) == max(points)
        ranked = sorted(numbers)
        assert each.p95 == pytest.approx(ranked[-(-len(ranked) * 95 // 100) - 1], rel=0.033)


@each_question
@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_metric_over_time_by_any_statistic(asked: str, statistic: str) -> None:
    filters = question(asked)
    key = MetricKey("content-service", "api", "latency_p95_ms")
    starts = filters.period.buckets(filters.granularity)
    buckets = defaultdict(list)
    for at, value in measured(filters).get(key, []):
        buckets[max(place for place, start in enumerate(starts) if start <= at)].append(value)

    found = values(filters, key, statistic)

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


@each_question
def test_heartbeats_and_their_gaps(asked: str) -> None:
    filters = question(asked)
    signs = seen("heartbeat", filters)
    by_source = defaultdict(list)
    for event, _ in signs:
        by_source[event.source_id].append(event.occurred_at)

    found = services(filters, NOW)

    assert {each.source_id for each in found.lives} == set(by_source) == set(found.signs)
    for each in found.lives:
        times = by_source[each.source_id]
        usual = max(QUARTER, 3 * (times[-1] - times[0]) / max(len(times) - 1, 1))
        gaps = [two - one for one, two in pairwise(times) if two - one > usual]
        assert (each.signs, each.first, each.latest) == (len(times), times[0], times[-1])
        assert (each.silences, each.longest) == (len(gaps), max(gaps, default=None))
        assert found.signs[each.source_id] == by_bucket(
            [pair for pair in signs if pair[0].source_id == each.source_id], filters
        )


def test_it_knows_whose_heartbeat_is_overdue() -> None:
    filters = question("everything")
    (life,) = services(filters, NOW).lives

    assert overdue(life, filters, NOW) == NOW - life.latest > life.usual
    assert overdue(life, filters, life.latest + QUARTER / 2) is None


@each_question
def test_the_trail_of_an_object(asked: str) -> None:
    filters = question(asked)
    changes = seen("audit", filters)
    about = (
        Counter(event.object_id or "" for event, _ in changes).most_common(1)[0][0] if changes else "nothing"
    )

    whole = services(filters, NOW).trail
    found = services(filters, NOW, about=about).trail

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


def test_the_answer_is_computed_and_the_address_chooses() -> None:
    filters = question("everything")
    found: Services = services(filters, NOW)
    metric = found.metrics[-1].key

    report = built(filters, metric=(text_of(metric),), statistic=("sum",), object=("do_3001",))

    assert report.answer.startswith("No source is silent; 1 of 1 heartbeat is overdue; ")
    assert report.attention[0].sentence.startswith("The heartbeat of a source is overdue: the last was ")
    assert report.block("values").title == f"{metric.metric}: sum"
    assert report.block("trail").title == "Changes of do_3001"
    assert built(filters, metric=("no/such/metric",), statistic=("worst",)).block("values").is_empty


def test_where_there_are_more_changes_the_way_to_all_is_shown() -> None:
    filters = question("everything")
    found, context = services(filters, NOW), Context(NOW, Links("services", {}), {}, {}, sees_all=True)
    assert not found.trail.has_more
    some = replace(found, trail=trail(filters, limit=1))

    assert service_blocks.trail(found, filters, context, "").whole == ""
    block = service_blocks.trail(some, filters, context, "do_3001")
    assert block.note == "The newest 1 changes; there are more."
    assert block.whole.startswith("/admin/events/audit/?")
    assert "object=do_3001" in block.whole


def test_it_compares_with_the_period_before() -> None:
    filters = question("some days")
    before = just_before(filters.period)

    assert services(question("some days", compare=before), NOW).levels_before == (
        services(filters.over(before), NOW).levels
    )
