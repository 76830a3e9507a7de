"""Reading rollups: totals, top values and series equal plain counts of the events, in every zone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.identity import milliseconds
from reports.filters import Filters
from reports.periods import Granularity, Period
from reports.query import distinct, reading
from reports.query.grains import Stretch, stretches
from reports.query.relation import pieces_between
from reports.rollups import histograms
from reports.rollups.columns import LARGEST, plain
from reports.rollups.models import Actives, Errors, Events, SessionShapes
from reports.rollups.rollup import Grain
from tests.rollups.recomputed import fold_due
from tests.sending import Sender, log_event
from tests.sessions.stored import file, summarise_due

DAY = date(2026, 3, 28)  # Berlin's clocks go forward on the 29th


def test_a_sum_beyond_the_range_of_floats_is_a_number() -> None:
    assert [plain(value) for value in (Decimal("3e308"), Decimal("-3e308"), 1.7e308)] == [
        LARGEST,
        -LARGEST,
        LARGEST,
    ]
    assert [plain(Decimal("0.5")), plain(7), plain(None)] == [0.5, 7, None]


def at(text: str) -> int:
    return milliseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def filters(zone: str = "UTC", days: int = 3, granularity: str = "day", **changes: Any) -> Filters:
    period = Period(DAY, DAY + timedelta(days=days), ZoneInfo(zone))
    return Filters(owners=None, period=period, granularity=Granularity(granularity), **changes)


def test_a_period_is_read_in_the_coarsest_grains_that_fit() -> None:
    since, until = datetime(2026, 3, 27, 18, 45, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    assert list(stretches(since, until)) == [
        Stretch(Grain.QUARTER, since, datetime(2026, 3, 27, 19, tzinfo=UTC)),
        Stretch(Grain.HOUR, datetime(2026, 3, 27, 19, tzinfo=UTC), datetime(2026, 3, 28, tzinfo=UTC)),
        Stretch(Grain.DAY, datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)),
        Stretch(Grain.HOUR, datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        Stretch(Grain.QUARTER, datetime(2026, 3, 29, 1, tzinfo=UTC), until),
    ]


def test_local_weeks_are_read_by_days_except_at_their_ends() -> None:
    period = Period(DAY, DAY + timedelta(days=400), ZoneInfo("Asia/Kathmandu"))
    weeks = [*period.buckets(Granularity.WEEK), period.until]
    pieces = pieces_between(weeks[:3])

    assert [piece.grain for piece in pieces] == [
        *(Grain.QUARTER, Grain.HOUR, Grain.DAY, Grain.HOUR, Grain.QUARTER),
        *(Grain.HOUR, Grain.DAY, Grain.HOUR, Grain.QUARTER),
    ]
    assert [piece.since for piece in pieces] == [weeks[0], *(piece.until for piece in pieces[:-1])]
    assert pieces[-1].until == weeks[2]
    many = sorted({*period.buckets(Granularity.DAY), period.until})
    assert pieces_between(many) == [Stretch(Grain.QUARTER, many[0], many[-1])]


ZONES = (
    *("UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "America/St_Johns"),
    *("America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Auckland", "Etc/GMT-14"),
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("granularity", list(Granularity))
@pytest.mark.parametrize("lasts", [None, timedelta(hours=36, minutes=15)])
def test_days_are_local_in_every_zone(
    sender: Sender, zone: str, granularity: Granularity, lasts: timedelta | None
) -> None:
    texts = [f"2026-03-{day}T{time}" for day in (27, 28, 29, 30, 31) for time in ("00:10", "18:20", "23:50")]
    file(sender, *[log_event(text, ets=at(text)) for text in texts])
    fold_due()
    asked = filters(zone, granularity=granularity)
    asked = replace(asked, period=replace(asked.period, lasts=lasts))
    inside = [
        moment
        for moment in (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts)
        if asked.period.since <= moment < asked.period.until
    ]

    (line,) = reading.series(Events, asked, ["events"])
    assert reading.totals(Events, asked, ["events"]) == {"events": len(inside)}
    expected: dict[datetime, int] = {}
    for moment in inside:
        bucket = max(start for start in asked.period.buckets(granularity) if start <= moment)
        expected[bucket] = expected.get(bucket, 0) + 1
    assert {start: row["events"] for start, row in line.points.items()} == expected


def test_a_series_has_the_top_values_and_the_rest(sender: Sender) -> None:
    counts = {"A": 3, "B": 2, "C": 1, "D": 1}
    file(
        sender,
        *[
            log_event(f"{code}{n}", eid="ERROR", ets=at("2026-03-28T10:00"),
                      edata={"err": code, "errtype": "SYSTEM", "stacktrace": "at x"})
            for code, count in counts.items() for n in range(count)
        ],
    )  # fmt: skip
    fold_due()

    made = reading.series(Errors, filters(), ["events"], by="code", most=2)
    assert [(line.key, line.is_rest) for line in made] == [("A", False), ("B", False), (None, True)]
    assert [list(line.points.values()) for line in made] == [
        [{"events": 3}],
        [{"events": 2}],
        [{"events": 2}],
    ]
    top = reading.top(Errors, filters(), ["code"], ["events"], limit=2)
    assert ([(row.keys, row.measures) for row in top.rows], top.of) == (
        [(("A",), {"events": 3}), (("B",), {"events": 2})], 4,
    )  # fmt: skip
    assert reading.totals(Errors, filters(), ["events"], where={"code": ["C", "D"]}) == {"events": 2}
    assert reading.totals(Errors, filters(versions=("9",)), ["events"]) == {"events": 0}


def test_distinct_members_are_counted_once(sender: Sender) -> None:
    def by(actor: str, text: str) -> Any:
        return log_event(actor + text, ets=at(text), actor={"id": actor, "type": "User"})

    file(
        sender,
        by("a", "2026-03-20T10:00"),
        *[by(actor, text) for actor in "ab" for text in ("2026-03-28T10:00", "2026-03-28T16:00")],
        by("c", "2026-03-30T10:00"),
        by("a", "2026-03-30T11:00"),
    )  # fmt: skip
    fold_due()
    actors = {"what": "actor"}

    assert distinct.distinct(Actives, filters(), actors) == distinct.Counted(3)
    found = distinct.distinct_series(Actives, filters("Europe/Berlin"), actors).values()
    assert list(found) == [distinct.Counted(2)] * 2
    who = distinct.sightings(Actives, filters(), actors, filters(days=7).period)
    came = who.arrivals(filters().period, filters().granularity)
    assert list(came.values()) == [distinct.Arrivals(new=1, returning=1), distinct.Arrivals(1, 1)]
    assert [cohort.seen for cohort in who.cohorts(filters(days=7).period)] == [(1, 0), (1,)]


def test_quantiles_are_accurate_to_three_percent(sender: Sender) -> None:
    for n in range(1, 11):
        context = {"channel": "c", "env": "home", "pdata": {"id": "p"}, "sid": f"s{n}"}
        begin = at("2026-03-28T10:00")
        file(sender, *[log_event(f"{n} {ms}", ets=begin + ms, context=context) for ms in (0, n * 10_000)])
    summarise_due()
    fold_due()

    found = reading.quantiles(SessionShapes, filters(), [0.5, 0.9, 1.0], {"what": "time_spent"})
    assert found == [
        pytest.approx(50, rel=0.033),
        pytest.approx(90, rel=0.033),
        pytest.approx(100, rel=0.033),
    ]
    counts = reading.histogram(SessionShapes, filters(), {"what": "time_spent"})
    assert histograms.distribution(counts, [15, 55]) == [1, 4, 5]
