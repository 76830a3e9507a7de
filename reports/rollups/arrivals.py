"""Arrivals: who was new and who came back in each bucket of a period, from rollups that keep sets."""

from datetime import datetime

from reports.filters import Filters
from reports.rollups.members import LOOK_BACK, Newcomers, _apart
from reports.rollups.reading import EVERYTHING, _fetch, _pieces
from reports.rollups.relation import Relation, Where, relation, stretches
from reports.rollups.rollup import Rollup


def arrivals(rollup: type[Rollup], filters: Filters, where: Where = EVERYTHING) -> dict[datetime, Newcomers]:
    """For each bucket that has members: those never seen before it, back to LOOK_BACK before the period."""
    period = filters.period
    starts = period.buckets(filters.granularity)
    pieces = [*stretches(period.since - LOOK_BACK, period.since), *_pieces(filters, starts)]
    made = relation(rollup, filters, where, pieces, measures=["members"])
    made.parameters["starts"] = starts
    rows = _fetch(
        Relation(
            "WITH seen AS MATERIALIZED (SELECT DISTINCT"  # noqa: S608
            f" width_bucket(bucket, %(starts)s::timestamptz[]) AS place, member FROM {_apart(made)}),"
            " firsts AS (SELECT member, min(place) AS first FROM seen GROUP BY member)"
            " SELECT place, count(*) FILTER (WHERE first = place), count(*) FILTER (WHERE first < place)"
            " FROM seen JOIN firsts USING (member) WHERE place > 0 GROUP BY place ORDER BY place",
            made.parameters,
        )
    )
    return {starts[place - 1]: Newcomers(new, returning) for place, new, returning in rows}
