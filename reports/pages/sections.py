"""Sections: the charts and tables of report pages, declared as data and answered by queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.utils.text import capfirst

from reports.charts import palette
from reports.charts.numbers import SHARE, Number, Unit, change, points
from reports.charts.table import Column, Table
from reports.charts.table import Row as TableRow
from reports.charts.time_chart import Draw, Series, TimeChart, buckets_of, top_and_rest
from reports.filters import Filters
from reports.pages.links import within
from reports.pages.page import Context
from reports.pages.report import Block, Empty, Figure
from reports.pages.words import explain_versions
from reports.query.metrics import Dataset, Metric, Ratio, Sum
from reports.query.planner import answer, over_time
from reports.query.query import LISTED, Answer, Line, Query, Row
from reports.query.relation import Key, Where
from reports.query.series import ratio, summed

UNNAMED = "(none)"
NOTHING = Empty()
# Returns the address of the events that a metric counts, filtered by values of dimensions; empty without one.
ListOf = Callable[[str, Filters, Mapping[str, str]], str]


@dataclass(frozen=True, slots=True)
class PageData:
    """The input of a page's sections: a dataset, the reader's filters and selections."""

    dataset: Dataset
    filters: Filters
    context: Context
    list_of: ListOf
    where: Mapping[str, str] = field(default_factory=dict)  # dimensions that the page filters by

    def query(
        self,
        metrics: Sequence[str],
        dimensions: tuple[str, ...] = (),
        order: str = "",
        limit: int = LISTED,
        *,
        compared: bool = True,
    ) -> Query:
        """Return a query with the page's filters."""
        filters = self.filters if compared else self.filters.over(self.filters.period)
        return Query(self.dataset, tuple(metrics), filters, dimensions, self.where, order, limit)

    def over_time(self, *metrics: str) -> Line:
        """Return metrics by bucket."""
        (line,) = over_time(self.query(metrics), self.context.now)
        return line

    def behind(self, metric: str, keys: Mapping[str, str] = {}) -> str:
        """Return the address of the list of the events that a metric counts."""
        declared = self.dataset.metric(metric)
        own = declared.where if isinstance(declared, Sum) else {}
        return self.list_of(metric, self.filters, {**self.where, **keys, **_first_values(own)})

    def behind_bucket(self, metric: str, keys: Mapping[str, str], since: datetime, until: datetime) -> str:
        """Return the same address for a stretch of time."""
        return self.behind(metric, {**keys, **within(since, until)})

    def keys_of(self, by: Sequence[str], row: Row) -> dict[str, str]:
        """Return the values of a row's dimensions by name, as texts."""
        return {name: str(key) for name, key in zip(by, row.keys, strict=True)}

    def named(self, dimension: str, key: Key, unnamed: str = UNNAMED) -> str:
        """Return the value of a dimension as people read it."""
        if dimension == "source":
            return self.context.sources.get(key, f"source {key}")
        return str(key) or unnamed


def _first_values(where: Where) -> dict[str, str]:
    """Return conditions for a list, with only the first of several values."""
    return {name: str(value if isinstance(value, str | int) else value[0]) for name, value in where.items()}


@dataclass(frozen=True, slots=True)
class Headlines:
    """The metrics at the top of a page: in total, by bucket, and in the compared period."""

    data: PageData
    total: Row
    in_time: Line

    @classmethod
    def of(
        cls, data: PageData, metrics: Sequence[str], in_time: Sequence[str] | Line | None = None
    ) -> "Headlines":
        """Query metrics, all or some of them by bucket too, unless their values are given."""
        if not isinstance(in_time, Line):
            in_time = data.over_time(*(metrics if in_time is None else in_time))
        return cls(data, answer(data.query(metrics)).total, in_time)

    def figure(
        self,
        title: str,
        metric: str,
        *,
        more_is: str = "",
        note: str = "",
        tone: str = "",
        href: str | None = None,
    ) -> Figure:
        """Return a metric as a figure that links to the events it counts."""
        value = self.total.values[metric]
        before = None if self.total.before is None else self.total.before[metric]
        unit = self.data.dataset.metric(metric).unit
        assert unit is not None, f"{metric} is a number"
        return Figure(
            title,
            value,
            unit,
            points(value, before, more_is=more_is)
            if unit is SHARE
            else change(value, before, more_is=more_is),
            spark=self.in_time.values.get(metric, ()),
            note=note,
            tone=tone,
            href=self.data.behind(metric) if href is None else href,
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule for when the metric of a row needs attention."""

    metric: str
    above: float | None = None
    below: float | None = None
    of: str = ""  # the metric that must reach a minimum before the other is meaningful
    enough: int = 0

    def rings(self, row: Row) -> bool:
        """True if it needs attention."""
        if self.of and row.count(self.of) < self.enough:
            return False
        value = row.number(self.metric) or 0
        return (self.above is not None and value > self.above) or (
            self.below is not None and value < self.below
        )


Sentence = Callable[[PageData, Answer], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A table of metrics by dimensions."""

    name: str
    title: str
    by: tuple[str, ...]
    metrics: tuple[str, ...]
    order: str = ""
    limit: int = LISTED
    names: Mapping[str, str] = field(default_factory=dict)  # of dimensions in files, where they differ
    compared: str = ""  # the metric that has a column for the compared period
    share: str = ""  # the metric with a column for its share of all rows
    bar: str | None = ""  # the metric that is drawn, by default the first
    alarm: Alarm | None = None
    sentence: Sentence = lambda _, __: ""
    href: Callable[[PageData, Row], str] | None = None  # of the first cell; default: filter the page
    links: tuple[str, ...] | None = None  # metrics that link to their events, by default those that count
    links_unnamed: bool = False  # True if rows without the value of a dimension link too
    narrows: bool = True  # True if values of dimensions filter the page
    unnamed: str = UNNAMED
    note: str = ""
    cut: str = "The first {rows:,} of {of:,}."
    empty: Empty = NOTHING
    is_half: bool = False

    def answer(self, data: PageData) -> Answer:
        """Query the rows."""
        return answer(data.query(self.metrics, self.by, self.order, self.limit, compared=bool(self.compared)))

    def block(self, data: PageData, found: Answer, total: Row | None = None) -> Block:
        """Return the table of an answer; shares are of the `total`."""
        rows = tuple(self._row(data, row, total) for row in found.rows)
        cut = self.cut.format(rows=len(rows), of=found.of) if found.of > len(rows) else ""
        versions = (row.keys[self.by.index("version")] for row in found.rows) if "version" in self.by else ()
        return Block(
            self.name,
            self.title,
            self.sentence(data, found),
            table=Table(tuple(self._columns(data, found)), rows),
            note=" ".join(filter(None, (self.note, cut, explain_versions(versions)))),
            empty=self.empty,
            is_half=self.is_half,
        )

    def _columns(self, data: PageData, found: Answer) -> list[Column]:
        columns = [Column(self.names.get(name, name), data.dataset.heading(name)) for name in self.by]
        for name in self.metrics:
            metric = data.dataset.metric(name)
            columns.append(
                Column(
                    name,
                    metric.heading,
                    metric.unit,
                    has_bar=name == (self.metrics[0] if self.bar == "" else self.bar),
                    note=metric.note,
                    is_estimate=metric.is_estimate or name in found.estimated,
                )
            )
            if name == self.compared:
                columns += compared_column(metric.unit, data.filters, data.context)
            if name == self.share:
                columns.append(Column("share", "Share", SHARE))
        return columns

    def _row(self, data: PageData, row: Row, total: Row | None) -> TableRow:
        keys = {name: str(key) for name, key in zip(self.by, row.keys, strict=True) if key != ""}
        cells: list[object] = [
            data.named(name, key, self.unnamed) for name, key in zip(self.by, row.keys, strict=True)
        ]
        here = data.context.links.here
        hrefs = {name: here(**{name: key}) for name, key in keys.items() if self.narrows}
        for name in self.metrics:
            metric = data.dataset.metric(name)
            cells.append(_cell(metric, row))
            if name == self.compared and data.filters.compare:
                cells.append(row.earlier(name))
            if name == self.share and total:
                cells.append(ratio(row.number(name), total.number(name)))
            if self._has_link(metric) and (self.links_unnamed or len(keys) == len(self.by)):
                hrefs[name] = data.behind(name, data.keys_of(self.by, row))
        first = hrefs.pop(self.by[0], "")
        return TableRow(
            tuple(cells),
            href=self.href(data, row) if self.href else first,
            hrefs=hrefs,
            tones={self.alarm.metric: "bad"} if self.alarm and self.alarm.rings(row) else {},
        )

    def _has_link(self, metric: Metric) -> bool:
        return isinstance(metric, Sum) if self.links is None else metric.name in self.links


def _cell(metric: Metric, row: Row) -> object:
    value = row.values[metric.name]
    if isinstance(metric, Ratio) and metric.places is not None and value is not None:
        return round(value, metric.places)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTime:
    """A chart of a metric over time, by dimension."""

    name: str
    title: str
    alt: str  # text alternative for screen readers
    metric: str
    by: str
    most: int = LISTED  # separate values; a chart has at most SERIES
    hues: Callable[[Sequence[Key]], Mapping[Key, int]] = palette.of_names
    order: tuple[str, ...] = ()  # names from the bottom up, others on top
    rest: str = "others"
    unnamed: str = UNNAMED
    narrows: bool = True  # True if a click on a line filters the page
    sentence: Callable[[PageData, Sequence[Line]], str] = lambda _, __: ""
    empty: Empty = NOTHING

    def answer(self, data: PageData) -> tuple[Line, ...]:
        """Query the lines."""
        query = data.query((self.metric,), (self.by,))
        return over_time(query, data.context.now, most=self.most)

    def together(self, found: Sequence[Line]) -> Line:
        """Return all lines of an answer as one."""
        return Line(None, {self.metric: summed(line.values[self.metric] for line in found)})

    def block(
        self, data: PageData, found: Sequence[Line], beside: Sequence[Series] = (), sentence: str = ""
    ) -> Block:
        """Return the chart of an answer, with lines `beside` its own."""
        keys = {data.named(self.by, line.key, self.unnamed): line.key for line in found if not line.is_rest}
        named = [(name, line.values[self.metric]) for name, line in zip(keys, found, strict=False)]
        kept = top_and_rest([each for each in named if each[0] != self.rest], self.rest)
        if self.order:
            places = {name: place for place, name in enumerate(self.order)}
            kept.sort(key=lambda each: places.get(each[0], len(places)))
            kept.reverse()
        hues = self.hues([keys.get(name) or name for name, _ in kept])
        series = [self._series(data, name, keys.get(name), values, hues) for name, values in kept]
        others = [line.values[self.metric] for line in found if line.is_rest]
        others += [values for name, values in named if name == self.rest]
        if others:
            series.append(Series(self.rest, summed(others), palette.REST))
        said = sentence or self.sentence(data, found)
        unit = data.dataset.metric(self.metric).unit
        chart = time_chart(f"{self.alt} {said}", data, (*series, *beside), unit)
        return Block(self.name, self.title, said, chart, empty=self.empty)

    def _series(
        self,
        data: PageData,
        name: str,
        key: Key,
        values: tuple[Number | None, ...],
        hues: Mapping[Key, int],
    ) -> Series:
        if not key:
            return Series(name, values, hues[name])
        return Series(
            name,
            values,
            hues[key],
            (self.by, str(key)) if self.narrows else None,
            behind=partial(data.behind_bucket, self.metric, {self.by: str(key)}),
        )


def time_chart(
    alt: str, data: PageData, series: tuple[Series, ...], unit: Unit | None, draw: Draw = Draw.BARS
) -> TimeChart:
    """Return a chart over the buckets of the page's period."""
    assert unit is not None, "numbers are drawn"
    filters, context = data.filters, data.context
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    return TimeChart(alt, filters.period, buckets, series, unit, draw)


def compared_column(unit: Unit | None, filters: Filters, context: Context) -> tuple[Column, ...]:
    """Return the column of the compared period; empty without a comparison."""
    return (Column("before", "Before", unit, note=capfirst(context.compared)),) if filters.compare else ()


def compared_series(name: str, before: Sequence[Number | None] | None, places: int) -> list[Series]:
    """Return the line of the compared period, aligned by bucket; empty without a comparison."""
    if before is None:
        return []
    values = (*before, *(None,) * places)[:places]
    return [Series(name, values, palette.REST, is_beside=True)]
