"""Reading charges: totals, series, comparison of months, forecast, another plan."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.ownership.owner import Owner
from reports.cost.analysis import comparison, forecasts, totals
from reports.cost.analysis.comparison import Metered, MonthCosts
from reports.cost.analysis.what_if import what_if
from reports.cost.charges import BillingMonth
from reports.cost.charging.updating import update_charges
from reports.cost.numbers import sum_of
from reports.cost.plans import Discount, Method, PlanAssignment, PlatformCost
from tests.cost.ledgers import assign, at, organization, owner, plan, price, use

D = Decimal
AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


@pytest.fixture
def owners(db: None) -> tuple[Owner, Owner]:
    a, b = owner("A"), owner("B")
    assign(plan(prices={"events": "2", "ingested": "0.5"}))
    use(a, at(1), by="portal", stored=1_000_000, billed_bytes=10**9)
    use(a, at(2, 5), by="app", kind="page", dialect="buildless", stored=3_000_000, billed_bytes=2 * 10**9)
    use(b, at(2, 6), stored=500_000, rejected=3)
    update_charges(a.organization_id, at(3))
    return a, b


def test_cost_and_usage_of_a_month_are_summed_by_owner(owners: tuple[Owner, Owner]) -> None:
    first, second = totals.owner_months(SEPTEMBER)
    assert (first.owner, first.cost, first.events, first.gb) == ("A", D("9.5"), 4_000_000, D(3))
    assert (second.owner, second.cost, second.per_million) == ("B", D(1), D(2))
    assert totals.total(SEPTEMBER) == D("10.5")
    assert totals.total(SEPTEMBER, [owners[1].pk]) == 1
    assert totals.owner_months(SEPTEMBER, []) == []
    assert totals.months(None) == [SEPTEMBER]


def test_currencies_are_taken_from_the_owners_charges(owners: tuple[Owner, Owner]) -> None:
    other = owner("C", organization("elsewhere"))
    BillingMonth.objects.create(organization=other.organization, month=SEPTEMBER, currency="CHF")

    (currency,) = totals.currencies(AUGUST, SEPTEMBER)
    assert currency != "CHF"
    assert totals.currencies(SEPTEMBER, SEPTEMBER, [owners[0].pk]) == {currency}
    assert totals.currencies(AUGUST, AUGUST) == set()
    assert totals.currencies(AUGUST, SEPTEMBER, [other.pk]) == set()
    assert totals.currencies(AUGUST, SEPTEMBER, []) == set()


def test_hourly_costs_are_summed_by_source(owners: tuple[Owner, Owner]) -> None:
    hours = totals.hourly_costs(at(2), at(3), "source", meter="events")
    assert [(point.at, point.name, point.cost) for point in hours] == [
        (at(2, 5), "app", D(6)),
        (at(2, 6), "portal", D(1)),
    ]


NUMBERS = st.decimals(0, 10**6, places=6)
USED = st.builds(Metered, NUMBERS, NUMBERS) | st.just(Metered())
SIDES = st.builds(MonthCosts, USED, USED, USED, NUMBERS, st.decimals(-1000, 1000, places=6))


@settings(max_examples=100)
@given(SIDES, SIDES)
def test_causes_of_a_change_add_up_to_it(before: MonthCosts, after: MonthCosts) -> None:
    change = comparison.compare(before, after)
    assert sum_of(change.causes.values()) == change.whole == sum_of((after.cost, -before.cost))


def test_causes_of_a_change_are_separated() -> None:
    before = MonthCosts(
        events=Metered(D(10), D(20)), ingested=Metered(D(4), D(2)), stored=Metered(D(6), D(3)), fixed=D(5)
    )
    twice = MonthCosts(
        events=Metered(D(20), D(40)), ingested=Metered(D(8), D(4)), stored=Metered(D(6), D(3)), fixed=D(5)
    )
    causes = comparison.compare(before, twice).causes
    assert {name for name, cost in causes.items() if cost} == {"volume"}
    assert causes["volume"] == 22
    larger = MonthCosts(
        events=Metered(D(10), D(20)), ingested=Metered(D(6), D(3)), stored=Metered(D(6), D(3)), fixed=D(5)
    )
    assert comparison.compare(before, larger).size == 1
    dearer = MonthCosts(
        events=Metered(D(10), D(30)), ingested=Metered(D(4), D(2)), stored=Metered(D(6), D(3)), fixed=D(5)
    )
    assert comparison.compare(before, dearer).price == 10
    kept = MonthCosts(
        events=Metered(D(10), D(20)), ingested=Metered(D(4), D(2)), stored=Metered(D(8), D(4)), fixed=D(9)
    )
    changed = comparison.compare(before, kept)
    assert (changed.storage, changed.fixed, changed.whole) == (D(1), D(4), D(5))


def test_months_are_compared_from_their_charges(owners: tuple[Owner, Owner]) -> None:
    a, _ = owners
    use(a, at(5, month=8), stored=2_000_000, billed_bytes=10**9)
    update_charges(a.organization_id, at(3))
    change = comparison.compare(
        comparison.month_costs(AUGUST, [a.pk]), comparison.month_costs(SEPTEMBER, [a.pk])
    )
    # From 2 million events to 4, and from 500 bytes to 750: 4 + 0.5 for volume, and 0.5 for size.
    assert (change.before, change.after) == (D("4.5"), D("9.5"))
    assert (change.volume, change.size, change.price) == (D("4.5"), D("0.5"), D(0))


def test_a_forecast_follows_the_costs_of_weekdays(owners: tuple[Owner, Owner]) -> None:
    a, _ = owners
    for day in range(3, 15):
        use(a, at(day), stored=1_000_000 if at(day).weekday() < 5 else 100_000)
    update_charges(a.organization_id, at(14, 12))
    found = forecasts.forecast(SEPTEMBER, [a.pk], at(14, 12))
    assert found.so_far == totals.total(SEPTEMBER, [a.pk])
    assert found.expected is not None
    # From 19 September on, Saturdays, Sundays and Thursdays cost as much as before.
    assert {found.days[date(2026, 9, day)] for day in (19, 20, 26, 27)} == {D("0.2")}
    assert found.days[date(2026, 9, 17)] == 2
    assert found.expected > found.so_far
    assert forecasts.forecast(SEPTEMBER, [a.pk], at(1, month=10)).expected == found.so_far


def test_a_forecast_of_stored_data_continues_its_growth() -> None:
    days = {date(2026, 9, 1) + timedelta(days=number): D(10 + number) for number in range(10)}
    found = forecasts.expected_costs({}, days, date(2026, 9, 11), date(2026, 9, 14))
    assert found is not None
    assert list(found.values()) == [20, 21, 22]
    assert forecasts.expected_costs({}, {}, date(2026, 9, 11), date(2026, 9, 14)) is None


def test_simulating_a_plan_equals_charging_by_it(owners: tuple[Owner, Owner]) -> None:
    a, b = owners
    Discount.objects.create(owner=a, percent=D("12.345"), valid_from=at(2))
    PlatformCost.objects.create(name="Hosting", amount=D(10), method=Method.EVENLY, first_month=SEPTEMBER)
    other = plan("Other", prices={"stored": "0.3"})
    price(other, "events", "1", since=at(1, month=1), above_2="0.75")
    price(other, "events", "4", since=at(2, 6), above_3="0.5")
    update_charges(a.organization_id, at(3))
    supposed = {
        (each.owner_id, each.meter): each.simulated for each in what_if(organization(), SEPTEMBER, other)
    }
    PlanAssignment.objects.update(plan=other)
    update_charges(a.organization_id, at(3))
    for of in (a, b):
        for meter in ("events", "ingested", "stored"):
            assert supposed.get((of.pk, meter), 0) == totals.total(SEPTEMBER, [of.pk], meter=meter)
    assert what_if(organization(), AUGUST, other) == []
