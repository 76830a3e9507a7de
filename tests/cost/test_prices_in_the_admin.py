"""Prices in the admin: only operators create them, and charged ones can't be changed."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from events.accounts.audit import AuditEntry
from reports.cost.charging.updating import update_charges
from reports.cost.plans import Discount, PlanAssignment, PlatformCost, Price, PricePlan, PriceTier
from telemetry_project.demo import prices
from tests.admin.conftest import html_of, logged_in
from tests.cost.ledgers import assign, at, organization, owner, plan, price, use
from tests.factories import person

PAGES = ("priceplan", "price", "planassignment", "discount", "platformcost")
FORM = {
    "meter": "events",
    "sku": "TLY-1",
    "unit_price": "2.5",
    "valid_from_0": "2026-09-01",
    "valid_from_1": "00:00:00",
    "tiers-TOTAL_FORMS": "1",
    "tiers-INITIAL_FORMS": "0",
    "tiers-0-above": "10",
    "tiers-0-unit_price": "1.5",
}


@pytest.fixture
def operator(db: None) -> Client:
    return logged_in(person("olga", is_superuser=True))


@pytest.fixture
def charged(db: None) -> Price:
    """A price with a tier that has been charged."""
    a = owner("A")
    made = plan(prices={})
    found = price(made, "events", "2", since=at(1, month=1), above_5="1")
    assign(made)
    use(a, at(1), stored=1)
    update_charges(a.organization_id, at(2))
    found.refresh_from_db()
    return found


@pytest.mark.parametrize("page", PAGES)
def test_only_operators_see_prices(page: str, charged: Price, operator: Client) -> None:
    member = logged_in(person("alice", owner("A")))
    assert member.get(f"/admin/cost/{page}/").status_code == 403
    assert operator.get(f"/admin/cost/{page}/").status_code == 200
    assert operator.get(f"/admin/cost/{page}/add/").status_code == 200


def test_an_operator_creates_a_price_with_a_tier(operator: Client) -> None:
    standard = PricePlan.objects.create(name="Standard")
    answer = operator.post("/admin/cost/price/add/", FORM | {"plan": standard.pk})
    assert answer.status_code == 302, answer.content[-3000:]
    made = Price.objects.get()
    assert [(tier.above, tier.unit_price) for tier in made.tiers.all()] == [(Decimal(10), Decimal("1.5"))]
    entry = AuditEntry.objects.get(action="price.made")
    assert (entry.actor_name, entry.after["unit_price"]) == ("olga", "2.5")


def test_a_price_begins_on_a_full_hour(operator: Client) -> None:
    standard = PricePlan.objects.create(name="Standard")
    answer = operator.post("/admin/cost/price/add/", FORM | {"plan": standard.pk, "valid_from_1": "00:30:00"})
    assert "start of an hour" in answer.content.decode()
    assert not Price.objects.exists()


def test_any_day_of_a_month_selects_the_month(operator: Client) -> None:
    form = {"name": "Hosting", "amount": "9.99", "method": "evenly"}
    answer = operator.post(
        "/admin/cost/platformcost/add/", form | {"first_month": "2026-09-17", "last_month": "2026-10-02"}
    )
    assert answer.status_code == 302, answer.content[-3000:]
    made = PlatformCost.objects.get()
    assert (made.first_month, made.last_month) == (date(2026, 9, 1), date(2026, 10, 1))
    listed = html_of(operator, "/admin/cost/platformcost/")
    assert "each organization, in full" in listed
    assert "October 2026" in listed


def test_a_charged_price_is_read_only(charged: Price, operator: Client) -> None:
    path = f"/admin/cost/price/{charged.pk}/"
    shown = html_of(operator, f"{path}change/")
    assert 'name="unit_price"' not in shown
    assert "2.00 EUR per million events" in shown
    assert "5,000,000 events of an owner&#x27;s month" in shown
    assert "2.00 EUR per million events" in html_of(operator, "/admin/cost/price/")
    assert operator.post(f"{path}change/", FORM | {"plan": charged.plan_id}).status_code == 403
    assert operator.post(f"{path}delete/", {"post": "yes"}).status_code == 403
    with pytest.raises(ValidationError, match="Add a new price"):
        charged.full_clean()


def test_the_database_refuses_changes_to_charged_prices(charged: Price) -> None:
    tier = charged.tiers.get()
    for attempt in (
        lambda: Price.objects.update(unit_price=1),
        lambda: Price.objects.filter(pk=charged.pk)._raw_delete("default"),
        lambda: PriceTier.objects.update(unit_price=0),
        tier.delete,
        lambda: PriceTier.objects.create(price=charged, above=9, unit_price=0),
        lambda: PricePlan.objects.update(currency="USD"),
    ):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            attempt()


def test_an_organization_has_one_currency(charged: Price) -> None:
    dollars = PricePlan.objects.create(name="Dollars", currency="USD")
    wrong = PlanAssignment(organization=organization(), plan=dollars, valid_from=at(5))
    with pytest.raises(ValidationError, match="same currency"):
        wrong.full_clean()
    with pytest.raises(IntegrityError, match="same currency"), transaction.atomic():
        wrong.save()
    elsewhere = owner("Z", organization("zenith"))
    with pytest.raises(ValidationError, match="another organization"):
        PlanAssignment(
            organization=organization(), owner=elsewhere, plan=charged.plan, valid_from=at(5)
        ).full_clean()


@pytest.mark.parametrize("percent", ["0", "100.5", "-1"])
def test_a_discount_is_a_percentage(percent: str, charged: Price) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Discount.objects.create(owner=owner("A"), percent=Decimal(percent), valid_from=at(1))


def test_a_platform_cost_cannot_end_before_it_begins(operator: Client) -> None:
    data = {"name": "Machines", "amount": "10", "method": "evenly", "first_month": "2026-12-01"}
    answer = operator.post("/admin/cost/platformcost/add/", data | {"last_month": "2026-11-01"})
    assert "must not be before the first" in answer.content.decode()
    assert (
        operator.post("/admin/cost/platformcost/add/", data | {"last_month": "2026-12-01"}).status_code == 302
    )


def test_the_demos_prices_are_created_once(charged: Price) -> None:
    home = organization("zenith")
    assert prices.apply(home)
    assert not prices.apply(home)
    assert not prices.apply(organization())
    assert PlanAssignment.objects.get(organization=home).plan == prices.plan()
