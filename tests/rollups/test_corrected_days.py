"""Sums of local days are computed from UTC days and corrections, with the same result from fewer rows."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from reports.filters import Filters
from reports.periods import Granularity, Period
from reports.query import grains, relation
from reports.rollups.models import Actives, Errors, Logs
from reports.rollups.rollup import Grain
from tests.rollups.recomputed import fold_due
from tests.rollups.test_reading import ZONES
from tests.sending import Sender, log_event
from tests.sessions.stored import file

NOON = timedelta(hours=12)


def planned(zone: str, first: date, days: int, granularity: Granularity) -> tuple[Period, grains.Plan]:
    period = Period(first, first + timedelta(days=days), ZoneInfo(zone))
    return period, grains.plan(period.buckets(granularity), period.until)


@pytest.mark.parametrize(
    ("zone", "most"),
    [
        ("UTC", 1),
        ("Europe/Berlin", 2),  # one hour at each end of a day: a twelfth of 24
        ("Asia/Kolkata", 8),  # five hours and two quarters
        ("America/New_York", 6),
        ("America/Los_Angeles", 9),
        ("Pacific/Auckland", 12),
    ],
)
def test_few_rows_are_read_per_day(zone: str, most: int) -> None:
    _, plan = planned(zone, date(2026, 1, 5), 60, Granularity.DAY)
    buckets = [
        (piece.until - piece.since) / timedelta(minutes=piece.grain) for piece in (*plan.plain, *plan.moved)
    ]
    assert sum(buckets) / 60 <= most + 0.5, "those at the ends of the period come beside them"


@given(
    st.sampled_from(ZONES),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(1, 40),
    st.sampled_from(Granularity),
)
def test_every_quarter_of_an_hour_counts_once_in_its_bucket(
    zone: str, first: date, days: int, granularity: Granularity
) -> None:
    days = min(days, 5) if granularity.value.endswith("hour") else days
    period, plan = planned(zone, first, days, granularity)
    edges = [*period.buckets(granularity), period.until]
    quarter = timedelta(minutes=15)
    counted: Counter[tuple[datetime, int]] = Counter()

    def bucket(at: datetime) -> int:
        return sum(edge <= at for edge in edges)

    for pieces, is_moved in ((plan.plain, False), (plan.moved, True)):
        for piece in pieces:
            at = piece.since
            while at < piece.until:
                day = at.replace(hour=0, minute=0)
                noon = day + NOON
                if is_moved:
                    counted[at, bucket(at)] += 1
                    counted[at, bucket(noon)] -= 1
                else:
                    counted[at, bucket(noon if piece.grain == Grain.DAY else at)] += 1
                at += quarter
    inside = {key: n for key, n in counted.items() if n and 0 < key[1] < len(edges)}
    expected: dict[tuple[datetime, int], int] = {}
    for number, (since, until) in enumerate(pairwise(edges), start=1):
        at = since
        while at < until:
            expected[at, number] = 1
            at += quarter
    assert inside == expected


def test_only_sums_are_corrected_by_subtraction() -> None:
    def of(rollup: Any, *names: str) -> str | None:
        return grains.witness(rollup, [relation.measure(rollup, name) for name in names])

    assert of(Logs, "events") == "events"
    assert of(Errors, "events", "latest") is None
    assert of(Actives, "members") is None


def test_the_statement_reads_few_rows(sender: Sender) -> None:
    first = datetime(2026, 1, 5, tzinfo=UTC)
    hours = [first + timedelta(hours=n) for n in range(24 * 6)]
    file(sender, *(log_event(f"{at}", ets=int(at.timestamp() * 1000)) for at in hours))
    fold_due()
    period = Period(date(2026, 1, 6), date(2026, 1, 10), ZoneInfo("Europe/Berlin"))
    asked = Filters(owners=(sender.key.default_owner_id,), period=period, granularity=Granularity.DAY)
    made = relation.in_buckets(Logs, asked, {}, period.buckets(Granularity.DAY), measures=["events"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the table is small
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM {made.sql}", made.parameters)
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute(f"SELECT bucket, events FROM {made.sql} ORDER BY 1", made.parameters)
        assert [row[1] for row in cursor.fetchall()] == [24] * 4
    # Four days and the hours at five midnights, instead of 96 hours.
    assert scanned(plan) <= 12


def scanned(plan: dict[str, Any]) -> int:
    own = (
        plan["Actual Rows"] * plan["Actual Loops"]
        if plan.get("Relation Name", "").startswith("rollups")
        else 0
    )
    return int(own) + sum(map(scanned, plan.get("Plans", ())))
