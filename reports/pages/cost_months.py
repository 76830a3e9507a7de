"""The block of months: what each of the last year cost, stacked, and the way to each."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from reports.charts import palette
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.figures import cost_months as figures
from reports.figures.cost import MonthsCost
from reports.figures.cost_months import YEAR, back
from reports.pages.cost_view import View, stack
from reports.pages.cost_words import BY, unit_of
from reports.pages.months import ZONE
from reports.pages.report import Block
from reports.periods import Granularity, Period, month_of, next_month

FEWEST = 4  # months of the axis, so that it is one of months


def block(view: View, known: tuple[date, ...], by: str) -> Block | None:
    """The months up to the one that runs, or to the one that is asked for where that is longer ago.

    `known` are the months that have charges. None where there is only one to be seen.
    """
    asked, this = view.found.question, month_of(view.context.now.astimezone(UTC).date())
    last = this if asked.month > back(this, YEAR) else asked.month
    first = max(min(known, default=last), back(last, YEAR - 1))
    if first == last:
        return None
    period = Period(min(first, back(last, FEWEST - 1)), next_month(last), ZONE)
    costs = figures.of_months(asked, first, last, by)
    buckets = tuple(
        replace(bucket, href=view.context.links.here(month=f"{bucket.start:%Y-%m}"))
        for bucket in buckets_of(period, Granularity.MONTH, view.context.now)
    )
    months = [bucket.start.date() for bucket in buckets]
    hues = view.names.hues(by, [part.keys[0] for part in view.found.parts])
    series = [
        replace(each, values=_known(each.values, months, first))
        for each in stack(view.names, by, hues, months, costs, view.context.now)
    ]
    if rest := _to_come(view.found, months, costs):
        series.append(rest)
    chart = TimeChart(
        f"Cost of each month, by {BY[by].lower()}.", period, buckets, tuple(series), unit_of(view.currency)
    )
    return Block("months", f"Months, by {BY[by].lower()}", "A click on a month leads to its days.", chart)


def _known(values: tuple[Any, ...], months: list[date], first: date) -> tuple[Any, ...]:
    """Nothing before the first month that has charges."""
    return tuple(value if month >= first else None for value, month in zip(values, months, strict=True))


def _to_come(
    found: MonthsCost, months: list[date], costs: Mapping[date, Mapping[Any, Decimal]]
) -> Series | None:
    """What the month that runs is expected to cost beyond what it has."""
    month, expected = found.question.month, found.forecast.expected
    if not found.forecast.days or expected is None or month not in months:
        return None
    more = expected - figures.total_of(costs, month)
    values = tuple(more if each == month else None for each in months)
    return Series("still expected", values, palette.REST, is_estimate=True)
