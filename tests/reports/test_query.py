"""Queries: validation, and metrics of several rollups in one answer."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reports.query.datasets import ALL_EVENTS, INTERFACE, LOGS, MEASUREMENTS, VISITS
from reports.query.planner import answer, over_time
from reports.query.query import Query
from tests.reports.lifelike import NOW, just_before, of_module, question
from tests.sessions.stored import summarise_due

pytestmark = pytest.mark.django_db
stored = of_module(summarise_due)


@pytest.mark.parametrize("metrics", [(), ("actions", "clicks")])
def test_a_query_without_metrics_or_with_unknown_ones_is_refused(metrics: tuple[str, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"at least one metric|interface has no metric clicks\. It has actions"
    ):
        Query(INTERFACE, metrics, question("everything"))


def test_a_dimension_that_the_rollup_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no key 'page'"):
        answer(Query(INTERFACE, ("actions",), question("everything"), ("page",)))


def test_rows_without_a_metric_to_rank_them_are_refused() -> None:
    with pytest.raises(ValueError, match="a sum among its metrics"):
        answer(Query(VISITS, ("actors",), question("everything"), ("version",)))


def test_metrics_of_several_rollups_are_one_row() -> None:
    filters = question("everything")
    metrics = ("sessions", "actors", "devices", "median", "ninetieth", "with_errors")

    with CaptureQueriesContext(connection) as captured:
        row = answer(Query(VISITS, metrics, filters)).total

    assert len(captured) == 3, "sessions, sets of actors and devices, and the histogram"
    assert row.count("sessions") == answer(Query(VISITS, ("sessions",), filters, ("version",))).sum(
        "sessions"
    )
    assert 0 < (row.number("median") or 0) < (row.number("ninetieth") or 0)
    assert row.count("actors") > 0 < row.count("devices")
    assert row.number("with_errors") == row.values["errored"] / row.count("sessions")


@pytest.mark.parametrize("order", ["error_share", "-error_share", "level", "-entries"])
def test_rows_are_in_the_requested_order(order: str) -> None:
    query = Query(
        LOGS,
        ("entries", "error_share"),
        question("everything"),
        ("level",),
        order=order,
    )
    name = query.order.removeprefix("-")

    found: list[Any] = [row.keys[0] if name == "level" else row.values[name] for row in answer(query).rows]

    assert len(found) > 1
    assert found == sorted(found, reverse=query.order.startswith("-"))


def test_a_limit_truncates_rows_and_keeps_their_number() -> None:
    query = Query(INTERFACE, ("actions",), question("everything"), ("category", "label", "action"))
    whole = answer(query)

    few = answer(Query(INTERFACE, ("actions",), query.filters, query.dimensions, limit=2))

    assert few.rows == whole.rows[:2]
    assert few.of == whole.of == len(whole.rows) > 2


def test_rows_have_no_earlier_values_without_a_comparison() -> None:
    filters = question("some days")
    compared = question("some days", compare=just_before(filters.period))
    (row, *_) = answer(Query(ALL_EVENTS, ("events",), filters, ("kind",))).rows

    (beside, *_) = answer(Query(ALL_EVENTS, ("events",), compared, ("kind",))).rows

    assert row.before is None
    assert beside.keys == row.keys
    assert beside.earlier("events") is not None


def test_a_ratio_over_time_has_a_gap_where_the_divisor_is_zero() -> None:
    filters = question("everything")
    (line,) = over_time(
        Query(MEASUREMENTS, ("mean", "p95", "count"), filters, where={"metric": "requests"}), NOW
    )

    for mean, p95, count in zip(line.values["mean"], line.values["p95"], line.values["count"], strict=True):
        assert (mean is None) == (p95 is None) == (not count)
