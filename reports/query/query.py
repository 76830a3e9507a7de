"""Query: one question of a report, and its answer as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from reports.charts.numbers import Number
from reports.filters import Filters
from reports.query.metrics import Dataset
from reports.query.reading import Value
from reports.query.relation import EVERYTHING, Key, Where

LISTED = 1_000  # rows of an answer, by default


@dataclass(frozen=True, slots=True)
class Query:
    """Metrics of a dataset by dimensions.

    The filters set the owners, period, time zone, buckets and compared period. `where` filters by further
    dimensions. `order` is a metric or a dimension, with a minus for descending order; the default is the
    first metric, descending.
    """

    dataset: Dataset
    metrics: tuple[str, ...]
    filters: Filters
    dimensions: tuple[str, ...] = ()
    where: Where = field(default_factory=dict)
    order: str = ""
    limit: int | None = LISTED

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError("A query has at least one metric.")
        for name in self.metrics:
            self.dataset.metric(name)

    def over(self, filters: Filters, where: Where = EVERYTHING) -> Self:
        """Return the same query with other filters, optionally narrowed further."""
        return replace(self, filters=filters, where={**self.where, **where})


Values = Mapping[str, Value]  # numbers, texts and times by metric; None without a value


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an answer: the values of the dimensions in order, and the metrics."""

    keys: tuple[Key, ...]
    values: Values
    before: Values | None = None  # of the same keys in the compared period

    def count(self, name: str) -> int:
        """Return a metric that is a count."""
        return int(self.values[name] or 0)

    def number(self, name: str) -> float | None:
        """Return a metric that may have no value."""
        value = self.values[name]
        return None if value is None else float(value)

    def earlier(self, name: str) -> Number | None:
        """Return a metric of the compared period, or None without a comparison."""
        return None if self.before is None else self.before[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query."""

    rows: tuple[Row, ...]
    of: int  # how many there are without a limit
    estimated: frozenset[str] = frozenset()  # metrics that are counted in a sample

    @property
    def total(self) -> Row:
        """Return the only row of a query without dimensions."""
        (row,) = self.rows
        return row

    def sum(self, name: str) -> int:
        """Return the sum of a metric over all rows."""
        return sum(row.count(name) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an answer over time: a value per bucket, None where it is unknown."""

    key: Key | None  # None: all, or all others
    values: Mapping[str, tuple[Value, ...]]  # by metric
    is_rest: bool = False
