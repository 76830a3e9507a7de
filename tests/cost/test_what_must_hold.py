"""Properties of charging for any usage and plan: sums, shares, repetition, charging in parts."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from events.ownership.owner import Owner
from events.store.usage import UsageHour
from reports.cost.charges import BillingMonth, Charge, ChargeDay
from reports.cost.charging import charge_lines, usage, verification
from reports.cost.charging.charge_lines import HourRange, split_by_tier
from reports.cost.charging.platform_shares import allocate
from reports.cost.charging.terms import AssignedPlan, ListedPrice, OwnerDiscount, Terms, Tier
from reports.cost.charging.updating import update_charges
from reports.cost.charging.usage import HourUsage, UsageKey
from reports.cost.numbers import exactly
from reports.cost.plans import Discount, Method, PlatformCost
from tests.cost.ledgers import assign, at, owner, plan, price, source, use

COUNTS = st.integers(0, 10**12)
MONEY = st.decimals(0, 1000, places=10, allow_nan=False, allow_infinity=False)
KEYS = st.builds(
    UsageKey, st.integers(1, 3), st.sampled_from(["", "log", "page"]), st.sampled_from(["sunbird"])
)
HOURS = st.integers(0, 11).map(lambda hours: at(1) + timedelta(hours=hours))
SPAN = HourRange(at(1), at(1, 12), 720)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    above = sorted(draw(st.sets(st.decimals("0.000001", 10**6, places=6), max_size=3)))
    return tuple(Tier(each, draw(MONEY)) for each in [Decimal(0), *above])


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    """Return a plan with changing prices, for an owner with a temporary discount."""
    prices = [
        ListedPrice(number, 1, meter, meter, moment, draw(tiers()))
        for number, (meter, moment) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from(["events", "ingested", "stored"]), HOURS), max_size=5))
        )
    ]
    percent = draw(st.decimals("0.001", 100, places=3))
    discount = OwnerDiscount(1, 1, percent, draw(HOURS), draw(st.none() | HOURS))
    return Terms("EUR", (AssignedPlan(1, 1, None, at(1)),), tuple(prices), (discount,))


@st.composite
def any_uses(draw: st.DrawFn) -> list[HourUsage]:
    places = draw(st.sets(st.tuples(HOURS, KEYS), max_size=12))
    return [
        HourUsage(hour, key, draw(COUNTS), draw(COUNTS), draw(COUNTS), draw(COUNTS), draw(COUNTS), 0)
        for hour, key in sorted(places)
    ]


@settings(max_examples=40)
@given(any_terms(), any_uses())
def test_charges_are_quantity_times_price_and_cover_all_usage_once(
    terms: Terms, uses: Sequence[HourUsage]
) -> None:
    lines = list(charge_lines.compute_lines(1, terms, SPAN, uses, {}, {}))
    with exactly():
        for line in lines:
            assert line.cost == line.quantity * line.unit_price
            assert line.list_cost == line.quantity * line.list_unit_price
            discount = terms.discount_of(1, line.hour) if line.price_id is not None else 0
            assert line.unit_price == line.list_unit_price * (100 - discount) / 100
        for meter, field, unit in (("events", "events", 1), ("ingested", "bytes", 10**9)):
            consumed = sum(line.consumed for line in lines if line.meter == meter) * unit
            assert consumed == sum(getattr(use, field) for use in uses)
        hours_kept = sum(use.bytes * ((SPAN.until - use.hour) // timedelta(hours=1)) for use in uses)
        assert sum(line.consumed for line in lines if line.meter == "stored") * 10**9 == hours_kept
        assert sum(line.wire_bytes for line in lines) == sum(use.wire_bytes for use in uses)


@settings(max_examples=40)
@given(any_terms(), any_uses(), HOURS)
def test_charging_in_two_parts_gives_the_same_charges(
    terms: Terms, uses: Sequence[HourUsage], middle: Any
) -> None:
    whole = list(charge_lines.compute_lines(1, terms, SPAN, uses, {}, {}))
    first = [use for use in uses if use.hour < middle]
    rest = [use for use in uses if use.hour >= middle]
    before = list(charge_lines.compute_lines(1, terms, HourRange(SPAN.since, middle, 720), first, {}, {}))
    kept: dict[UsageKey, int] = {}
    already: dict[str, Decimal] = {}
    for used in first:
        kept[used.key] = kept.get(used.key, 0) + used.bytes
    with exactly():
        for line in before:
            already[line.meter] = already.get(line.meter, Decimal(0)) + line.quantity
    after = charge_lines.compute_lines(1, terms, HourRange(middle, SPAN.until, 720), rest, kept, already)
    assert [*before, *after] == whole


@settings(max_examples=50)
@given(tiers(), st.lists(st.decimals("0.000001", 10**6, places=6), min_size=1, max_size=5))
def test_parts_by_tier_add_up_and_stay_within_their_tiers(
    made: tuple[Tier, ...], quantities: Sequence[Decimal]
) -> None:
    with exactly():
        already, in_tier = Decimal(0), [Decimal(0)] * len(made)
        for quantity in quantities:
            parts = list(split_by_tier(quantity, already, made))
            assert sum(part for _, part in parts) == quantity
            for number, part in parts:
                assert part > 0
                in_tier[number] += part
            already += quantity
        for number, part in enumerate(in_tier[:-1]):
            room = made[number + 1].above - made[number].above
            assert part == min(room, max(already - made[number].above, 0))


@settings(max_examples=50)
@given(
    st.decimals(0, 10**8, places=2),
    st.dictionaries(st.integers(1, 50), st.decimals(0, 10**9, places=9), min_size=1, max_size=20),
)
def test_shares_add_up_and_are_accurate_to_a_cent(amount: Decimal, weights: dict[int, Decimal]) -> None:
    shares = allocate(amount, weights)
    with exactly():
        assert sum(shares.values()) == amount
        total = sum(weights.values())
        for key, share in shares.items():
            assert share == share.quantize(Decimal("0.01"))
            if total:
                assert abs(share * total - amount * weights[key]) < Decimal("0.01") * total
    assert allocate(amount, dict(reversed(weights.items()))) == shares


@pytest.mark.slow
class TestStoredCharges(TestCase):
    """Charges in the database, for any usage that arrives in any parts."""

    @settings(max_examples=8)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 1),
                HOURS,
                st.sampled_from(["portal", "app"]),
                st.sampled_from(["stored", "duplicates", "rejected"]),
                st.integers(1, 3_000_000),
            ),
            min_size=1,
            max_size=10,
        ),
        st.integers(0, 10),
        HOURS,
    )
    def test_incremental_charges_equal_charges_made_at_once(
        self, coming: list[tuple[int, Any, str, str, int]], cut: int, first_look: Any
    ) -> None:
        owners = owner("A"), owner("B")
        standard = plan()
        price(standard, "events", "3", since=at(1, 6), above_2="1.5")
        assign(standard)
        Discount.objects.create(owner=owners[0], percent=Decimal("12.5"), valid_from=at(1, 3))
        PlatformCost.objects.create(
            name="Hosting", amount=Decimal("99.99"), method=Method.EVENTS, first_month=date(2026, 9, 1)
        )
        home = owners[0].organization_id
        for part, now in ((coming[:cut], first_look), (coming[cut:], at(1, 12))):
            for number, hour, by, what, count in part:
                counts = {what: count}
                if what == "stored":
                    counts |= {"billed_bytes": count * 7, "wire_bytes": count}
                _use(owners[number], hour, by, counts)
            update_charges(home, now)
        rows = _rows()
        update_charges(home, at(1, 12))
        assert _rows() == rows
        found = verification.examine(at(1, 12)).found
        assert [
            each for each in found if "events disagree" not in each.what
        ] == []  # the test creates no events
        assert sum(row["cost"] for row in rows if row["meter"] == "platform") == Decimal("99.99")


def _use(of: Owner, hour: Any, by: str, counts: dict[str, Any]) -> None:
    use(of, hour, by=by, **counts)


def _rows() -> list[dict[str, Any]]:
    found = Charge.objects.order_by("owner", "hour", "meter", "source", "kind", "tier").values()
    return [{name: value for name, value in row.items() if name != "id"} for row in found]


@pytest.fixture
def charged_once(db: None) -> Owner:
    a = owner("A")
    assign(plan())
    for day in (1, 2, 3):
        use(a, at(day), stored=10, billed_bytes=1_000)
    update_charges(a.organization_id, at(4))
    return a


def test_only_hours_since_the_first_change_are_recharged(charged_once: Owner) -> None:
    before = set(Charge.objects.values_list("pk", flat=True))
    use(charged_once, at(3), stored=1, billed_bytes=100)
    update_charges(charged_once.organization_id, at(4))
    kept = Charge.objects.filter(pk__in=before)
    assert set(kept.values_list("pk", flat=True)) == set(
        Charge.objects.filter(hour__lt=at(3)).values_list("pk", flat=True)
    )
    assert kept.exists()


def test_a_change_that_keeps_all_sums_is_detected(charged_once: Owner) -> None:
    row = UsageHour.objects.get(hour=at(2))
    UsageHour.objects.filter(pk=row.pk).update(source=source("other", charged_once.organization))
    update_charges(charged_once.organization_id, at(4))
    found = Charge.objects.filter(hour=at(2), meter="events").values_list("source__name", flat=True)
    assert list(found) == ["other"]


def test_without_changes_nothing_is_written(charged_once: Owner) -> None:
    before = list(Charge.objects.order_by("pk").values_list("pk", flat=True))
    for history in (True, False):
        kept = update_charges(charged_once.organization_id, at(4), history=history)
        assert kept is not None
        assert kept.owners == 0
    assert list(Charge.objects.order_by("pk").values_list("pk", flat=True)) == before


def test_a_clock_set_back_removes_no_charges(charged_once: Owner) -> None:
    before = Charge.objects.count()
    update_charges(charged_once.organization_id, at(2))
    assert Charge.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_only_one_update_of_an_organization_runs_at_once() -> None:
    """A second one is skipped, or waits; here it gives up waiting, because the first doesn't end."""
    a = owner("A")
    assign(plan())
    use(a, at(1), stored=10, billed_bytes=1_000)
    first = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with first.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "SELECT 1 FROM events_organization WHERE id = %s FOR NO KEY UPDATE", [a.organization_id]
            )
        assert update_charges(a.organization_id, at(4), wait=False) is None
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(OperationalError):
                update_charges(a.organization_id, at(4))
            transaction.set_rollback(True)
        assert not Charge.objects.exists()
    finally:
        first.close()
    assert update_charges(a.organization_id, at(4), wait=False)


def test_verification_finds_a_manipulated_charge(charged_once: Owner) -> None:
    charge = Charge.objects.filter(meter="events").earliest("hour")
    charge.quantity, charge.cost, charge.list_cost = (
        charge.quantity * 2,
        charge.cost * 2,
        charge.list_cost * 2,
    )
    charge.save()
    found = {each.what.split(": ")[-1] for each in verification.examine(at(4)).found}
    assert found >= {"charges and a computation disagree", "charges and their daily sums disagree"}
    ChargeDay.objects.all().delete()
    assert BillingMonth.objects.count() == 1
    assert usage.owners_with_usage(charged_once.organization_id) == [charged_once.pk]
