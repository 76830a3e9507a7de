"""Charges of a month equal a calculation by hand, to the last digit.

September 2026 has 720 hours, October 744. Owner A has the sources portal and app, owner B has batch.

Plan: 1,000,000 events cost 2, from the fifth million of an owner's month on 1.5; from 16 September 0:00 on 3,
from the fifth million on 2. A GB ingested costs 0.5; a GB stored for a month 0.144. B has 10 % off from
10 September on. Hosting costs 100.00 a month, shared in proportion to ingested data.
"""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.ownership.owner import Owner
from reports.cost.charges import BillingMonth, Charge, ChargeDay
from reports.cost.charging import closing
from reports.cost.charging.updating import update_charges
from reports.cost.plans import Discount, Method, PlatformCost
from tests.cost.ledgers import assign, at, charged, organization, owner, plan, price, total, use

D = Decimal
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
GB = 1_000_000_000
END = at(1, month=10)  # when September is charged


@pytest.fixture
def owners(db: None) -> tuple[Owner, Owner]:
    """The month's usage, in order of receipt."""
    a, b = owner("A"), owner("B")
    standard = plan(prices={"ingested": "0.5", "stored": "0.144"})
    price(standard, "events", "2", since=at(1, month=1), above_4="1.5")
    price(standard, "events", "3", since=at(16), above_4="2")
    assign(standard)
    Discount.objects.create(owner=b, percent=D("10"), valid_from=at(10))
    hosting = {"name": "Hosting", "amount": D("100.00"), "method": Method.INGESTED}
    PlatformCost.objects.create(first_month=OCTOBER, **hosting)
    PlatformCost.objects.create(first_month=SEPTEMBER, last_month=SEPTEMBER, **hosting)
    use(a, at(1), by="portal", stored=3_000_000, duplicates=7, billed_bytes=6 * GB, wire_bytes=8 * GB)
    use(a, at(1), by="app", kind="page", stored=2_000_000, billed_bytes=2 * GB, wire_bytes=GB)
    use(b, at(5, 12), by="batch", stored=1_000_000, rejected=5, billed_bytes=GB, wire_bytes=GB)
    use(a, at(16), by="portal", stored=1_000_000, billed_bytes=GB, wire_bytes=GB)
    use(b, at(20), by="batch", stored=500_000, billed_bytes=3 * GB, wire_bytes=GB)
    use(a, at(21), by="portal", removed=3_000_000, removed_bytes=6 * GB)
    return a, b


# events: hour 1 Sep 0:00, the order is portal (3 million), then app (2 million):
#   portal 3 of the first tier at 2                      = 6
#   app    1 of the first tier at 2, 1 of the next at 1.5 = 3.5
# 16 Sep: the sixth million, the dearer price's next tier: 1 * 2 = 2
EVENTS_A = {("portal", 0): D("6"), ("app", 0): D("2"), ("app", 1): D("1.5"), ("portal", 1): D("2")}
# B: 5 Sep 1 * 2 = 2; 20 Sep 0.5 * 3 * 0.9 = 1.35
EVENTS_B = D("3.35")
# ingested: A 6 + 2 + 1 = 9 GB * 0.5; B 1 * 0.5 + 3 * 0.45
INGESTED_A, INGESTED_B = D("4.5"), D("1.85")
# stored, GB-hours:
#   A portal 6 GB * 360 h (1 to 15 September) + 7 GB * 120 h (16 to 20) + 1 GB * 240 h = 3,240;
#   an hour's quantity is GB / 720 to 18 decimals:
#     6/720 = 0.008333333333333333 * 360 = 2.99999999999999988
#     7/720 = 0.009722222222222222 * 120 = 1.16666666666666664
#     1/720 = 0.001388888888888889 * 240 = 0.33333333333333336       together 4.49999999999999988
#   A app 2/720 = 0.002777777777777778 * 720 =                               2.00000000000000016
#   sum 6.50000000000000004 * 0.144 = 0.93600000000000000576
STORED_A = D("0.93600000000000000576")
# B: 1 GB from 5 Sep 12:00 to 10 Sep 0:00: 108 h at 0.144; to 20 Sep 240 h and 4 GB for 264 h at 0.1296:
#     0.001388888888888889 * 108 = 0.150000000000000012 * 0.144  = 0.021600000000000001728
#     0.001388888888888889 * 240 = 0.33333333333333336
#     4/720 = 0.005555555555555556 * 264 = 1.466666666666666784
#                            together 1.800000000000000144 * 0.1296 = 0.2332800000000000186624
STORED_B = D("0.021600000000000001728") + D("0.2332800000000000186624")
# hosting: 9 GB and 4 GB of 13: 69.230769… and 30.769230…; 69.23 + 30.76 leaves a cent, which is B's
PLATFORM_A, PLATFORM_B = D("69.23"), D("30.77")
SUM_A = D("11.5") + INGESTED_A + STORED_A + PLATFORM_A
SUM_B = EVENTS_B + INGESTED_B + STORED_B + PLATFORM_B


def test_charges_equal_the_calculation(owners: tuple[Owner, Owner]) -> None:
    a, b = owners
    update_charges(a.organization_id, END)
    month = BillingMonth.objects.get(month=SEPTEMBER)
    of_month = {"billing_month": month}
    assert charged("source__name", "tier", owner=a, meter="events", **of_month) == EVENTS_A
    assert charged("owner__name", "meter", **of_month) == {
        ("A", "events"): D("11.5"),
        ("A", "ingested"): INGESTED_A,
        ("A", "stored"): STORED_A,
        ("A", "duplicates"): 0,
        ("A", "platform"): PLATFORM_A,
        ("B", "events"): EVENTS_B,
        ("B", "ingested"): INGESTED_B,
        ("B", "stored"): STORED_B,
        ("B", "rejected"): 0,
        ("B", "platform"): PLATFORM_B,
    }
    assert total(owner=a, **of_month) == SUM_A == D("86.16600000000000000576")
    assert total(owner=b, **of_month) == SUM_B == D("36.2248800000000000203904")
    assert sum(charged("owner", meter="platform", **of_month).values()) == 100
    free = Charge.objects.filter(meter__in=("duplicates", "rejected"), **of_month)
    assert {row.meter: (int(row.consumed), int(row.cost)) for row in free} == {
        "duplicates": (7, 0),
        "rejected": (5, 0),
    }
    assert (
        Charge.objects.filter(owner=a, meter="ingested")
        .values_list("wire_bytes", flat=True)
        .order_by("wire_bytes")[2]
        == 8 * GB
    )


def test_a_late_event_is_charged_in_its_hour_of_receipt(owners: tuple[Owner, Owner]) -> None:
    a, b = owners
    update_charges(a.organization_id, END)
    # A replay files 1,000,000 events of 1 GB in the hour in which they were received: 15 September 0:00.
    use(b, at(15), by="batch", stored=1_000_000, billed_bytes=GB)
    update_charges(a.organization_id, END)
    # events: 15 Sep 1 * 2 * 0.9; what came on 20 Sep is still of the first tier. Ingested: 1 * 0.45.
    assert charged("hour", owner=b, meter="events") == {
        at(5, 12): D("2"),
        at(15): D("1.8"),
        at(20): D("1.35"),
    }
    assert total(owner=b, meter="ingested") == INGESTED_B + D("0.45")
    # kept: 2 GB instead of 1 for 120 h from 15 Sep, 5 instead of 4 for 264 h from 20 Sep, in quantities
    #   (0.002777777777777778 - 0.001388888888888889) * 120 = 0.16666666666666668
    #   (0.006944444444444444 - 0.005555555555555556) * 264 = 0.366666666666666432
    assert total(owner=b, meter="stored", hour__lt=END) == STORED_B + D("0.533333333333333112") * D("0.1296")
    # hosting: 9 and 5 of 14: 64.285714… and 35.714285…; the cent that is left is A's
    assert charged("owner__name", meter="platform", hour__lt=END) == {"A": D("64.29"), "B": D("35.71")}
    assert total(owner=a, hour__lt=END) == SUM_A - PLATFORM_A + D("64.29")


def test_a_closed_month_is_unchanged_and_later_usage_becomes_a_correction(
    owners: tuple[Owner, Owner],
) -> None:
    a, _ = owners
    closing.close(organization(), SEPTEMBER, audit.command("close_month"), END)
    september, october = BillingMonth.objects.order_by("month")
    assert total(billing_month=september) == SUM_A + SUM_B
    frozen = list(Charge.objects.filter(billing_month=september).order_by("pk").values())
    entry = AuditEntry.objects.get(action="month.closed")
    assert (entry.actor_name, entry.after["cost"]) == (
        "manage.py close_month",
        "122.3908800000000000261504 EUR",
    )

    # On 2 October a replay files an event of A that was refused on 30 September at 23:00, of 1 GB.
    use(a, at(30, 23), by="portal", stored=1_000_000, billed_bytes=GB)
    now = at(2, month=10)
    update_charges(a.organization_id, now)
    assert list(Charge.objects.filter(billing_month=september).order_by("pk").values()) == frozen
    corrections = {"billing_month": october, "is_correction": True}
    # events: the seventh million: 2. Ingested: 0.5. Kept for an hour: 2 GB instead of 1:
    #   0.002777777777777778 - 0.001388888888888889 = 0.001388888888888889 * 0.144 = 0.000200000000000000016
    # hosting: 10 and 4 of 14: 71.428571… and 28.571428…; the cent that is left is B's: 71.43 - 69.23 = 2.20
    assert charged("owner__name", "meter", **corrections) == {
        ("A", "events"): D("2"),
        ("A", "ingested"): D("0.5"),
        ("A", "stored"): D("0.000200000000000000016"),
        ("A", "platform"): D("2.20"),
        ("B", "platform"): D("-2.20"),
    }
    first = Charge.objects.get(meter="events", **corrections)
    assert (first.hour, first.consumed, first.quantity, first.unit_price) == (at(30, 23), 1_000_000, 1, None)
    # October: nothing came in, so hosting is shared evenly; what is kept of September is charged there.
    assert charged("owner__name", billing_month=october, is_correction=False, meter="platform") == {
        "A": 50,
        "B": 50,
    }
    # A keeps 2 GB (portal) and 2 GB (app) for 25 hours: 2/744 = 0.002688172043010753 * 25 * 2 * 0.144
    assert total(billing_month=october, is_correction=False, owner=a, meter="stored") == D(
        "0.0193548387096774216"
    )
    # Again, and nothing changes; undone, and the corrections are gone.
    rows = set(Charge.objects.filter(billing_month=october).values_list("hour", "meter", "owner", "cost"))
    update_charges(a.organization_id, now)
    assert (
        set(Charge.objects.filter(billing_month=october).values_list("hour", "meter", "owner", "cost"))
        == rows
    )
    use(a, at(30, 23), by="portal", stored=-1_000_000, billed_bytes=-GB)
    update_charges(a.organization_id, now)
    assert not Charge.objects.filter(**corrections).exists()
    assert not ChargeDay.objects.filter(**corrections).exists()


def test_corrections_in_a_closed_month_are_not_charged_again(owners: tuple[Owner, Owner]) -> None:
    a, _ = owners
    actor = audit.command("close_month")
    closing.close(organization(), SEPTEMBER, actor, END)
    use(a, at(30, 23), by="portal", stored=1_000_000, billed_bytes=GB)
    closing.close(organization(), OCTOBER, actor, at(1, month=11))
    use(a, at(30, 23), by="portal", stored=1_000_000)
    update_charges(a.organization_id, at(2, month=11))
    found = charged("billing_month__month", is_correction=True, meter="events")
    assert found == {OCTOBER: 2, date(2026, 11, 1): 2}


@pytest.mark.parametrize("model", [Charge, ChargeDay])
def test_the_database_refuses_changes_to_closed_months(
    owners: tuple[Owner, Owner], model: type[Charge] | type[ChargeDay]
) -> None:
    closing.close(organization(), SEPTEMBER, audit.command("close_month"), END)
    september, october = BillingMonth.objects.order_by("month")
    of_september = model.objects.filter(billing_month=september)
    for attempt in (
        lambda: of_september.update(wire_bytes=1),
        lambda: of_september.update(billing_month=october),
        lambda: model.objects.filter(billing_month=october).update(billing_month=september),
        of_september.delete,
        lambda: BillingMonth.objects.filter(pk=september.pk).update(state="open", closed_at=None),
        lambda: BillingMonth.objects.filter(pk=september.pk).update(currency="USD"),
    ):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            attempt()
    assert of_september.exists()


def test_months_are_closed_in_order_after_their_end(owners: tuple[Owner, Owner]) -> None:
    actor = audit.command("close_month")
    for month, now, why in (
        (SEPTEMBER, at(30, 23), "isn't over"),
        (OCTOBER, at(1, month=11), "September 2026 is still open"),
        (date(2026, 1, 1), END, "no usage"),
    ):
        with pytest.raises(closing.NotClosable, match=why):
            closing.close(organization(), month, actor, now)
    closing.close(organization(), SEPTEMBER, actor, END)
    with pytest.raises(closing.NotClosable, match="closed by manage"):
        closing.close(organization(), SEPTEMBER, actor, END)
