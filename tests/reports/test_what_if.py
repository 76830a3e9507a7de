"""The what-if page: the cost under another plan, limited to the reader's owners and plans."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from events.ownership.owner import Owner
from reports.cost.charging.updating import update_charges
from reports.cost.plans import PlanAssignment, PricePlan
from tests.admin.conftest import html_of, text_of
from tests.cost.ledgers import assign, plan, use
from tests.reports.asked import csv_of
from tests.sending import Sender


@pytest.fixture
def team(team_a: Sender, team_b: Sender) -> Owner:
    """Team A with 2 million events this month, team B with 4, at 2 EUR a million, and other plans."""
    mine, other = team_a.key.default_owner, team_b.key.default_owner
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    assign(plan(prices={"events": "2"}), of=mine.organization)
    use(mine, now, stored=2_000_000)
    use(other, now, stored=4_000_000)
    update_charges(mine.organization_id, timezone.now())
    plan("Dearer", prices={"events": "5"})
    later = plan("To come", prices={"events": "1"})
    PlanAssignment.objects.create(
        organization=mine.organization, plan=later, valid_from=datetime(2099, 1, 1, tzinfo=UTC)
    )
    return mine


def test_a_months_cost_is_shown_under_another_plan(team: Owner, operator: Client) -> None:
    html = html_of(operator, "/reports/what-if/")
    assert "Under Dearer, usage of" in html
    assert "would cost 30.00 EUR so far, 150 % more than was charged" in text_of(html)
    rows = csv_of(operator, "/reports/what-if/?csv=owners").splitlines()
    assert [row.split(",")[0] for row in rows] == ['"owner"', '"Team B"', '"Team A"']


def test_members_can_choose_only_their_plans_and_owners(team: Owner, alice: Client) -> None:
    html = html_of(alice, "/reports/what-if/")
    assert "Under To come, usage of" in html
    assert "would cost 2.00 EUR so far, 50 % less than was charged" in text_of(html)
    assert "Dearer" not in html
    assert "Team B" not in csv_of(alice, "/reports/what-if/?csv=owners")


def test_plans_of_other_owners_are_hidden(team: Owner, alice: Client, operator: Client) -> None:
    other = Owner.objects.get(name="Team B")
    for of, name in ((other, "Theirs"), (team, "Mine")):
        PlanAssignment.objects.create(
            organization=team.organization,
            owner=of,
            plan=plan(name),
            valid_from=datetime(2099, 1, 1, tzinfo=UTC),
        )
    seen, all_of_them = html_of(alice, "/reports/what-if/"), html_of(operator, "/reports/what-if/")
    assert ("Mine" in seen, "Theirs" in seen) == (True, False)
    assert ("Mine" in all_of_them, "Theirs" in all_of_them) == (True, True)


def test_a_plan_that_is_not_offered_is_ignored(team: Owner, alice: Client) -> None:
    dearer = PricePlan.objects.get(name="Dearer")
    html = html_of(alice, f"/reports/what-if/?plan={dearer.pk}&organization=999999&month=2020-13")
    assert "Dearer" not in html
    assert "Write a month like" in html
