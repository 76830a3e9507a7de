"""Planner: answers a query from the rollups of its metrics, with one statement per rollup."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from reports.query import reading
from reports.query.distinct import NOBODY, Counted, distinct_by, distinct_series
from reports.query.metrics import Dataset, Distinct, Metric, Quantile, Ratio, Sum
from reports.query.query import Answer, Line, Query, Row
from reports.query.reading import Measures, Value
from reports.query.relation import Key, Keys, Where
from reports.query.series import ratio, spread
from reports.rollups.rollup import Rollup

Found = dict[Keys, Measures]  # values of metrics by keys


def answer(query: Query) -> Answer:
    """Return the rows of a query, each with its values in the compared period."""
    rows, of, estimated = _rows(query)
    compared = query.filters.compared
    before: Found | None = None
    if compared:
        same = _same(query.dimensions, rows)
        earlier, _, estimated_before = _rows(query.over(compared, same), is_whole=True)
        nothing = _finished(query, {})
        before = {keys: earlier.get(keys, nothing) for keys in rows}
        estimated |= estimated_before
    return Answer(
        tuple(Row(keys, values, before[keys] if before else None) for keys, values in rows.items()),
        of,
        frozenset(estimated),
    )


def over_time(query: Query, now: datetime, *, most: int = 8) -> tuple[Line, ...]:
    """Return the metrics of each bucket of the period.

    With a dimension: a line for each of the `most` values with the greatest first metric, greatest first, and
    one for all others together, if there are others. Such metrics are sums of one rollup.
    """
    by = query.dimensions[0] if query.dimensions else None
    lines: dict[tuple[Key | None, bool], dict[str, tuple[Value, ...]]] = {}
    for rollup, parts in _sums(query).items():
        for line in reading.series(rollup, query.filters, parts, by=by, most=most, where=query.where):
            lines.setdefault((line.key, line.is_rest), {}).update(
                {
                    part.name: spread(
                        {start: values[part.name] for start, values in line.points.items()},
                        reading.of_nothing(rollup, part.measure),
                        query.filters,
                        now,
                    )
                    for part in parts
                }
            )
    for metric in _needed(query):
        if not isinstance(metric, Sum | Ratio):
            points = _points(query, metric)
            found = spread(points, 0 if isinstance(metric, Distinct) else None, query.filters, now)
            lines.setdefault((None, False), {})[metric.name] = found
    return tuple(Line(key, _with_ratios(query, values), is_rest) for (key, is_rest), values in lines.items())


def _rows(query: Query, *, is_whole: bool = False) -> tuple[Found, int, set[str]]:
    """Return the sorted rows, their total number, and the metrics that are estimated from a sample.

    The metrics of the rollup that the order uses are read first, then the same rows of other rollups.
    `is_whole` if the query selects known rows and all of them are wanted.
    """
    sums = _sums(query)
    if query.dimensions and not sums:
        raise ValueError("A query by dimensions has a sum among its metrics, which tells its rows.")
    found: Found = {} if query.dimensions else {(): {}}
    of, is_first = 1, True
    for rollup, parts in sums.items():
        if not query.dimensions:
            found[()] |= reading.totals(rollup, query.filters, parts, query.where)
            continue
        where = query.where if is_first else {**query.where, **_same(query.dimensions, found)}
        top = reading.top(
            rollup,
            query.filters,
            query.dimensions,
            parts,
            order=_order(query) if is_first and not is_whole else query.dimensions[0],
            limit=query.limit if is_first and not is_whole else None,
            where=where,
        )
        if is_first:
            found, of, is_first = {row.keys: dict(row.measures) for row in top.rows}, top.of, False
        else:
            for row in top.rows:
                if row.keys in found:
                    found[row.keys] |= row.measures
    estimated = _add_distinct(query, found)
    _add_quantiles(query, found)
    return {keys: _finished(query, values) for keys, values in found.items()}, of, estimated


def _add_distinct(query: Query, found: Found) -> set[str]:
    """Add distinct counts; return the names of those that are estimates."""
    metrics = [metric for metric in _needed(query) if isinstance(metric, Distinct)]
    estimated = set()
    alike_by: dict[type[Rollup], list[Distinct]] = {}
    for metric in metrics:
        alike_by.setdefault(metric.rollup, []).append(metric)
    for rollup, alike in alike_by.items():
        same = {**query.where, **_same(query.dimensions, found), "what": [each.what for each in alike]}
        counted = distinct_by(rollup, query.filters, ("what", *query.dimensions), same)
        for metric in alike:
            for keys, values in found.items():
                values[metric.name] = counted.get((metric.what, *keys), NOBODY).members
        if any(each.is_about for each in counted.values()):
            estimated |= {metric.name for metric in alike}
    return estimated


def _add_quantiles(query: Query, found: Found) -> None:
    """Add quantiles, with one statement per histogram."""
    alike_by: dict[tuple[type[Rollup], str], list[Quantile]] = {}
    for metric in _needed(query):
        if isinstance(metric, Quantile):
            alike_by.setdefault((metric.rollup, repr(metric.where)), []).append(metric)
    for (rollup, _), alike in alike_by.items():
        where = {**query.where, **_same(query.dimensions, found), **alike[0].where}
        shares = [metric.share for metric in alike]
        known = reading.quantiles_by(rollup, query.filters, query.dimensions, shares, where)
        for keys, values in found.items():
            nothing: list[float | None] = [None] * len(alike)
            values.update(zip((metric.name for metric in alike), known.get(keys, nothing), strict=True))


def _points(query: Query, metric: Metric) -> Mapping[datetime, Value]:
    """Return the values of a distinct count or a quantile by bucket."""
    if query.dimensions:
        raise ValueError(f"{metric.name} has no values over time by {query.dimensions[0]}.")
    if isinstance(metric, Distinct):
        counted: dict[datetime, Counted] = distinct_series(
            metric.rollup, query.filters, {**query.where, "what": metric.what}
        )
        return {start: each.members for start, each in counted.items()}
    assert isinstance(metric, Quantile), "there is no other kind"
    where = {**query.where, **metric.where}
    series = reading.quantile_series(metric.rollup, query.filters, [metric.share], where)
    return {start: values[0] for start, values in series.items()}


def _needed(query: Query) -> list[Metric]:
    """Return the metrics to read: the requested ones, and the parts of ratios."""
    found: dict[str, Metric] = {}
    for name in query.metrics:
        metric = query.dataset.metric(name)
        if isinstance(metric, Ratio):
            for other in (metric.part, metric.whole):
                found.setdefault(other, query.dataset.metric(other))
        found.setdefault(name, metric)
    return list(found.values())


def _sums(query: Query) -> dict[type[Rollup], list[reading.Part]]:
    """Return the sums to read by rollup, the one that the order uses first."""
    found: dict[type[Rollup], list[reading.Part]] = {}
    metrics = [metric for metric in _needed(query) if isinstance(metric, Sum)]
    leading = _leading(query)
    metrics.sort(key=lambda metric: metric.name not in leading)
    for metric in metrics:
        part = reading.Part(metric.name, metric.measure or metric.name, metric.where)
        found.setdefault(query.dataset.rollup_of(metric), []).append(part)
    return found


def _leading(query: Query) -> tuple[str, ...]:
    """Return the metrics that the order uses."""
    name = query.order.removeprefix("-") or query.metrics[0]
    metric = query.dataset.by_name.get(name)
    return (metric.part, metric.whole) if isinstance(metric, Ratio) else (name,)


def _order(query: Query) -> str:
    """Return the order in the form that reading takes."""
    minus = "-" if query.order.startswith("-") or not query.order else ""
    return minus + "/".join(_leading(query))


def _same(dimensions: Sequence[str], rows: Iterable[tuple[Key, ...]]) -> Where:
    """Return conditions that select the values of some rows."""
    known = list(rows)
    return {name: sorted({keys[place] for keys in known}) for place, name in enumerate(dimensions)}


def _finished(query: Query, values: Mapping[str, Value]) -> Measures:
    """Return all requested metrics: sums of no rows are 0, ratios are divided."""
    found = dict(values)
    for metric in _needed(query):
        if metric.name not in found and not isinstance(metric, Ratio):
            found[metric.name] = _of_nothing(query.dataset, metric)
    for metric in _needed(query):
        if isinstance(metric, Ratio):
            found[metric.name] = ratio(found[metric.part], found[metric.whole])
    return found


def _of_nothing(dataset: Dataset, metric: Metric) -> int | None:
    if isinstance(metric, Sum):
        return reading.of_nothing(dataset.rollup_of(metric), metric.measure or metric.name)
    return 0 if isinstance(metric, Distinct) else None


def _with_ratios(query: Query, values: Mapping[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    found = dict(values)
    for metric in _needed(query):
        if isinstance(metric, Ratio):
            pairs = zip(found[metric.part], found[metric.whole], strict=True)
            found[metric.name] = tuple(ratio(part, whole) for part, whole in pairs)
    return found
