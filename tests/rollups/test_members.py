"""Distinct counts: large sets are sampled, and estimates are as accurate as pages claim."""

from datetime import UTC, datetime, timedelta
from hashlib import md5
from math import ceil, log2, sqrt
from random import Random

import pytest

from reports.filters import Filters
from reports.query import distinct
from reports.rollups.columns import HALVINGS_OF_LOWEST
from reports.rollups.models import Actives
from reports.rollups.rollup import Grain
from tests.rollups.test_reading import filters
from tests.sending import Sender

ACTORS = {"what": "actor"}
BEGIN = datetime(2026, 3, 27, tzinfo=UTC)


def _set(who: range, bucket: datetime, sender: Sender, grain: Grain, version: str = "") -> Actives:
    hashes = sorted(int(md5(str(n).encode()).hexdigest()[:16], 16) - 2**63 for n in who)
    return Actives(
        owner_id=sender.key.default_owner_id,
        source_id=1,
        grain=grain,
        bucket=bucket,
        version=version,
        country="",
        what="actor",
        members=hashes,
    )


def _arrivals(asked: Filters) -> list[distinct.Arrivals]:
    who = distinct.sightings(Actives, asked, ACTORS, asked.period)
    return list(who.arrivals(asked.period, asked.granularity).values())


def test_large_sets_are_counted_from_a_sample(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    Actives.objects.bulk_create(
        _set(range(day * 2_000, day * 2_000 + 4_000), BEGIN + timedelta(days=day), sender, Grain.DAY)
        for day in range(4)
    )
    asked = filters()  # days 1 to 3
    exact = distinct.distinct(Actives, asked, ACTORS)
    came = _arrivals(asked)
    assert (exact, came) == (distinct.Counted(8_000), [distinct.Arrivals(2_000, 2_000)] * 3)
    monkeypatch.setattr(distinct, "BOUND", 4_000)
    monkeypatch.setattr(distinct, "SIGHTINGS", 8_000)

    found = distinct.distinct(Actives, asked, ACTORS)
    assert found.is_about
    assert found.members == pytest.approx(8_000, rel=0.03)
    assert distinct.distinct_by(Actives, asked, ("source",), ACTORS) == {(1,): found}
    series = distinct.distinct_series(Actives, asked, ACTORS).values()
    assert [each.members for each in series] == [pytest.approx(4_000, rel=0.01)] * 3
    assert all(each.is_about for each in series)
    came = _arrivals(asked)
    assert all(each.is_about for each in came)
    assert [each.new for each in came] == [pytest.approx(2_000, rel=0.1)] * 3
    assert [each.returning for each in came] == [pytest.approx(2_000, rel=0.1)] * 3
    weeks = filters(days=2).period
    week = distinct.sightings(Actives, asked, ACTORS, weeks).cohorts(weeks)[0]
    assert week.is_about
    assert week.seen[0] == pytest.approx(4_000, rel=0.1)
    assert distinct.distinct(Actives, filters(versions=("9",)), ACTORS) == distinct.NOBODY


@pytest.mark.parametrize("bound", [13_000 >> halvings for halvings in range(HALVINGS_OF_LOWEST + 3)])
def test_stored_samples_equal_samples_of_the_set(sender: Sender, bound: int) -> None:
    Actives.objects.bulk_create(
        _set(range(day * 3_000, day * 3_000 + 6_000), BEGIN + timedelta(days=day), sender, Grain.DAY)
        for day in (1, 2)
    )
    halvings = ceil(log2(12_000 / bound))

    everybody = [member for row in Actives.objects.all() for member in row.members]
    read = distinct.distinct_by(Actives, filters(), (), ACTORS, bound)
    assert read[()].is_about == (halvings > 0)
    below = [member for member in everybody if member < (1 << 64 - halvings) - (1 << 63)]
    assert read[()] == distinct._Seen(len(everybody), halvings, below).counted


def test_several_groupings_are_sampled_as_each_alone(sender: Sender) -> None:
    Actives.objects.bulk_create(
        _set(range(size), BEGIN + timedelta(days=1), sender, Grain.DAY, version)
        for version, size in (("1", 5_000), ("2", 40))
    )
    groupings = {(): 2_000, ("version",): 1_000, ("version", "what"): 500}

    together = distinct.distinct_by_each(Actives, filters(), groupings, ACTORS)
    assert together == {
        keys: distinct.distinct_by(Actives, filters(), keys, ACTORS, bound)
        for keys, bound in groupings.items()
    }
    assert together[("version",)][("2",)] == distinct.Counted(40)
    for keys, values in (((), ()), (("version",), ("1",)), (("version", "what"), ("1", "actor"))):
        assert together[keys][values].is_about
        assert together[keys][values].members == pytest.approx(5_000, rel=0.1)


def test_new_members_of_small_buckets_are_estimated_from_few_samples(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred actors per hour, about half of whom were seen the day before."""
    asked = filters(days=1, granularity="hour")
    hours = [
        (range(hour * 50, hour * 50 + 100), asked.period.since + timedelta(hours=hour)) for hour in range(24)
    ]
    Actives.objects.bulk_create(
        [
            _set(range(600), BEGIN, sender, Grain.DAY),
            *(_set(who, at, sender, Grain.HOUR) for who, at in hours),
        ]
    )
    exact = distinct.sightings(Actives, asked, ACTORS, asked.period)
    assert exact.new(asked.period) == distinct.Counted(650)
    assert sum(each.new for each in _arrivals(asked)) == 650
    monkeypatch.setattr(distinct, "SIGHTINGS", 60)

    sampled = distinct.sightings(Actives, asked, ACTORS, asked.period)
    came = sampled.arrivals(asked.period, asked.granularity).values()
    assert any(not seen.members for seen in sampled.seen.values())
    assert sampled.new(asked.period).members == pytest.approx(650, rel=0.35)
    assert sum(each.new for each in came) == pytest.approx(650, rel=0.35)


def test_members_seen_equally_often_are_counted_exactly() -> None:
    sample = [member for member in range(1_000) for _ in range(7)]

    assert distinct._Seen(7 * 8_192, 3, sample).counted == distinct.Counted(8_192, is_about=True)


def test_an_empty_sample_counts_each_sighting_as_one_member() -> None:
    assert distinct._Seen(5, 6, ()).counted == distinct.Counted(5, is_about=True)


def test_the_number_of_sightings_makes_estimates_more_accurate() -> None:
    """People seen on one to thirty days, mostly few, in many samples of a sixteenth each."""
    random, people, halvings = Random(20_261_121), 40_000, 4
    days = [min(30, 1 + int(random.expovariate(0.5))) for _ in range(people)]
    samples: list[list[int]] = [[] for _ in range(1 << halvings)]
    for person, seen_on in enumerate(days):
        samples[random.randrange(1 << halvings)] += [person] * seen_on

    said = [distinct._Seen(sum(days), halvings, sample).counted.members for sample in samples]
    plain = [len(set(sample)) << halvings for sample in samples]
    assert _error(said, people) < 0.015
    assert _error(plain, people) > 0.02


def _error(found: list[int], true: int) -> float:
    return sqrt(sum((each - true) ** 2 for each in found) / len(found)) / true
