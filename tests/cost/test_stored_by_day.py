"""Stored data is charged by day once a day is over, with the same totals as by hour."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from hypothesis import given, settings

from events.ownership.owner import Owner
from reports.cost import focus
from reports.cost.analysis.what_if import what_if
from reports.cost.charges import DAY, HOUR, BillingMonth, Charge
from reports.cost.charging import charge_lines, verification
from reports.cost.charging.charge_lines import ChargeLine, merge_stored_by_day
from reports.cost.charging.terms import Terms
from reports.cost.charging.updating import update_charges
from reports.cost.charging.usage import HourUsage, UsageKey
from reports.cost.numbers import exactly
from tests.cost.ledgers import assign, at, owner, plan, price, use
from tests.cost.test_what_must_hold import SPAN, any_terms, any_uses

SOURCES = 12


def sums(lines: Sequence[ChargeLine]) -> dict[tuple[object, ...], tuple[Decimal, ...]]:
    """Return the sums of each key, day, tier and price."""
    found: dict[tuple[object, ...], tuple[Decimal, ...]] = {}
    with exactly():
        for line in lines:
            key = (line.hour.date(), line.source_id, line.kind, line.meter, line.tier, line.unit_price)
            more = (line.consumed, line.quantity, line.list_cost, line.cost, Decimal(line.hours))
            found[key] = tuple(map(sum, zip(found.get(key, (Decimal(0),) * 5), more, strict=True)))  # type: ignore[arg-type]
    return found


@settings(max_examples=40)
@given(any_terms(), any_uses())
def test_a_days_charges_equal_the_sum_of_its_hours(terms: Terms, uses: Sequence[HourUsage]) -> None:
    hourly = list(charge_lines.compute_lines(1, terms, SPAN, uses, {}, {}))
    daily = list(merge_stored_by_day(hourly, SPAN.until + DAY))
    assert sums(daily) == sums(hourly)
    with exactly():
        assert all(line.cost == line.quantity * line.unit_price for line in daily)
    stored = [line for line in daily if line.meter == "stored"]
    keys = [(line.source_id, line.kind, line.tier, line.price_id, line.unit_price) for line in stored]
    assert len(keys) == len(set(keys))


def test_the_current_day_is_charged_by_hour() -> None:
    uses = [HourUsage(at(1), UsageKey(1, "log", "sunbird"), 1, 0, 0, 100, 100, 0)]
    hourly = list(charge_lines.compute_lines(1, Terms("EUR"), SPAN, uses, {}, {}))
    assert list(merge_stored_by_day(hourly, SPAN.until)) == hourly


@pytest.fixture
def keeper(db: None) -> Owner:
    """An owner with many sources that each sent a single event."""
    made = owner("Keeper")
    assign(plan(prices={"stored": "0.144"}))
    for number in range(SOURCES):
        use(made, at(1, 5), by=f"app-{number}", stored=1, billed_bytes=10**9)
    return made


def stored(**only: object) -> list[Charge]:
    return list(Charge.objects.filter(meter="stored", **only).order_by("hour", "pk"))


def disagreements(now: datetime) -> list[str]:
    """Return what verification finds, except for missing events, which these tests don't create."""
    found = [each.what for each in verification.examine(now).found]
    return [what for what in found if what != "charges and events disagree"]


def test_quiet_sources_have_one_charge_per_day(keeper: Owner) -> None:
    update_charges(keeper.organization_id, at(21, 3))
    # Twenty past days, and four hours of the current one.
    assert len(stored()) == SOURCES * (20 + 4)
    assert {row.hours for row in stored(hour__lt=at(21))} == {19, 24}
    hours = (at(21, 4) - at(1, 5)) // HOUR
    assert sum(row.consumed for row in stored()) == SOURCES * hours
    assert disagreements(at(21, 3)) == []


def test_hourly_charges_are_merged_when_a_day_is_over(keeper: Owner) -> None:
    moment = at(2, 20)
    while moment < at(3, 3):
        update_charges(keeper.organization_id, moment)
        moment += HOUR
    assert {(row.hour, row.hours) for row in stored(hour__gte=at(2), hour__lt=at(3))} == {(at(2), 24)}
    before = Charge.objects.aggregate(Sum("cost"), Sum("quantity"))
    Charge.objects.all().delete()
    BillingMonth.objects.update(charged_until=None)
    update_charges(keeper.organization_id, moment - HOUR)
    assert Charge.objects.aggregate(Sum("cost"), Sum("quantity")) == before


def test_a_late_change_recharges_a_past_day(keeper: Owner) -> None:
    update_charges(keeper.organization_id, at(4))
    use(keeper, at(2, 12), by="late", stored=1, billed_bytes=10**9)
    update_charges(keeper.organization_id, at(4))
    late = [(row.hour, row.hours) for row in stored(source__name="late")]
    assert late == [(at(2, 12), 12), (at(3), 24), (at(4), 1)]
    assert disagreements(at(4)) == []


def test_focus_states_the_period_of_a_charge(keeper: Owner) -> None:
    update_charges(keeper.organization_id, at(3))
    charge = stored(hour=at(2))[0]
    ends = {column.name: column.value(charge) for column in focus.COLUMNS}
    assert (ends["ChargePeriodStart"], ends["ChargePeriodEnd"]) == (at(2), at(3))


@pytest.mark.parametrize("change", [at(10), at(10, 7)])
def test_simulating_a_plan_with_a_price_change_within_a_day_equals_charging_by_it(
    keeper: Owner, change: datetime
) -> None:
    other = plan("Another plan", prices={"stored": "1.000"})
    price(other, "stored", "3.000", since=change)
    end = at(1) + timedelta(days=29, hours=23)
    update_charges(keeper.organization_id, end)
    supposed = {each.meter: each.simulated for each in what_if(keeper.organization, at(1).date(), other)}
    assign(other, since=at(1))
    update_charges(keeper.organization_id, end)
    assert supposed["stored"] == Charge.objects.filter(meter="stored").aggregate(total=Sum("cost"))["total"]
