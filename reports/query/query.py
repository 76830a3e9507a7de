"""Query: one question of a report, and the plain data of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from reports.charts.numbers import Number
from reports.filters import Filters
from reports.query.metrics import Dataset
from reports.query.relation import EVERYTHING, Where

LISTED = 1_000  # rows of an answer, by default
Key = Any  # a text, the id of an owner or a source, or a small number


@dataclass(frozen=True, slots=True)
class Query:
    """Metrics of a dataset by dimensions.

    The filters say whose events of which period, in which zone and in which buckets, and with which period
    each row is compared. `where` narrows further dimensions. `order` is a metric or a dimension, with a minus
    for descending; by default the first metric, descending.
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
        """Return the same query with other filters, perhaps narrowed further."""
        return replace(self, filters=filters, where={**self.where, **where})


Values = Mapping[str, Any]  # numbers, texts and times by metric; None where there is none


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an answer: the values of the dimensions in their order, and the metrics."""

    keys: tuple[Key, ...]
    values: Values
    before: Values | None = None  # of the same keys in the period that this one is compared with

    def count(self, name: str) -> int:
        """Return a metric that counts."""
        return int(self.values[name] or 0)

    def number(self, name: str) -> float | None:
        """Return a metric that may have no value."""
        value = self.values[name]
        return None if value is None else float(value)

    def earlier(self, name: str) -> Number | None:
        """Return a metric of the compared period; None where nothing is compared."""
        return None if self.before is None else self.before[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query."""

    rows: tuple[Row, ...]
    of: int  # how many there are without a limit
    estimated: frozenset[str] = frozenset()  # metrics that are counted in a sample

    @property
    def total(self) -> Row:
        """The only row of a query without dimensions."""
        (row,) = self.rows
        return row

    def sum(self, name: str) -> int:
        """Return the sum of a metric over all rows."""
        return sum(row.count(name) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an answer over time: a value for each bucket, None where nothing is known."""

    key: Key | None  # None: all, or all others
    values: Mapping[str, tuple[Any, ...]]  # by metric
    is_rest: bool = False
