"""Metrics and datasets: what queries can request, declared once for pages, downloads and the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from reports.charts.numbers import Unit
from reports.query.relation import Where
from reports.rollups.rollup import Rollup


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that queries request by name."""

    name: str
    unit: Unit | None  # None: a text or a time
    title: str = ""
    note: str = ""
    is_estimate: bool = False  # always an estimate; others may be, if a sample is counted

    @property
    def heading(self) -> str:
        """Return its title, by default its name."""
        return self.title or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(Metric):
    """A measure of a rollup, optionally only of the rows that match `where`."""

    measure: str = ""  # by default the name
    where: Where = field(default_factory=dict)
    rollup: type[Rollup] | None = None  # by default that of the dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(Metric):
    """A metric divided by another. None if the divisor is 0 or missing."""

    part: str
    whole: str
    places: int | None = None  # decimals in tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct(Metric):
    """The number of distinct members of a rollup with sets. `what` is the value of its key `what`."""

    what: str
    rollup: type[Rollup]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile(Metric):
    """The value at or below which a share of all values lies, from a log histogram. Accurate to 2 %."""

    share: float
    rollup: type[Rollup]
    where: Where = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Metrics that can be queried together, by the dimensions (keys) that their rollups share."""

    name: str
    rollup: type[Rollup]  # of the metrics that name none
    metrics: tuple[Metric, ...]
    titles: Mapping[str, str] = field(default_factory=dict)  # of dimensions, by default their names

    def heading(self, dimension: str) -> str:
        """Return the title of a dimension."""
        return self.titles.get(dimension) or dimension.replace("_", " ").capitalize()

    @cached_property
    def by_name(self) -> Mapping[str, Metric]:
        """Return its metrics by name."""
        return {metric.name: metric for metric in self.metrics}

    def metric(self, name: str) -> Metric:
        """Return a metric. Raises ValueError with a sentence if the name is unknown."""
        if name not in self.by_name:
            raise ValueError(f"{self.name} has no metric {name}. It has {', '.join(self.by_name)}.")
        return self.by_name[name]

    def rollup_of(self, metric: Sum | Distinct | Quantile) -> type[Rollup]:
        """Return the rollup that a metric is read from."""
        return metric.rollup or self.rollup
