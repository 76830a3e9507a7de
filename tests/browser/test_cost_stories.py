"""Typical uses of the cost pages in a browser: drilling down to an hour's charges, closing a month."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from events.ownership.owner import Owner, Role
from reports.cost.charges import BillingMonth
from reports.cost.charging.updating import update_charges
from reports.periods import month_of
from tests.browser.conftest import Visit, known, log_in
from tests.cost.ledgers import assign, plan, use
from tests.rejected.conftest import team_a
from tests.sending import Sender

__all__ = ["team_a"]


@pytest.fixture
def team(team_a: Sender) -> Owner:
    """An owner with usage last month and now."""
    owner = team_a.key.default_owner
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    assign(plan(prices={"events": "2"}), of=owner.organization)
    use(owner, now.replace(day=1) - timedelta(days=1), by="portal", stored=3_000_000)
    use(owner, now, by="portal", stored=2_000_000)
    update_charges(owner.organization_id, timezone.now())
    return owner


def test_a_lead_goes_from_the_month_down_to_the_charges(team: Owner, visit: Visit) -> None:
    page = visit()
    log_in(page, known("lena", team, role=Role.LEAD).username)
    page.locator("#nav-sidebar").get_by_role("link", name="Cost", exact=True).click()
    now = timezone.now()
    expect(page.locator("main h2").first).to_contain_text(f"{now:%B %Y}")
    expect(page.locator("#drop")).to_contain_text("4.00 EUR")

    page.locator("#days summary").click()
    page.locator("#days").get_by_role("link", name=re.compile(rf"^\w+ {now.day} ")).click()
    expect(page.locator("main h2").first).to_contain_text("has cost 4.00 EUR so far")
    page.locator("#hours summary").click()
    page.locator("#hours").get_by_role("link", name=re.compile(rf"{now:%H}:00$")).click()
    expect(page.locator("#charges tbody tr")).to_have_count(1)
    expect(page.locator("#charges")).to_contain_text("2,000,000")
    page.get_by_role("link", name="The whole day").click()
    expect(page.locator("#hours")).to_be_visible()


def test_an_operator_closes_a_month(team: Owner, visit: Visit) -> None:
    page = visit()
    log_in(page, known("olga", is_superuser=True).username)
    page.locator("#nav-sidebar").get_by_role("link", name="Months", exact=True).click()
    page.get_by_role("link", name="Close it", exact=True).click()
    expect(page.locator("main h2").first).to_contain_text("fixes 6.00 EUR in 1 charge permanently")
    page.get_by_label("I have checked these costs").check()
    page.get_by_role("button", name="Close ").click()
    expect(page.locator("main h2").first).to_contain_text("No month can be closed. 1 of 2 months is closed.")
    closed = BillingMonth.objects.get(state="closed")
    assert closed.closed_by == "olga"
    assert closed.month == month_of(month_of(timezone.now().date()) - timedelta(days=1))
