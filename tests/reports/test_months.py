"""Closing a month: only by operators, only after its end, and only with the charges that were shown."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.ownership.owner import Owner
from reports.cost.charges import BillingMonth, Charge, State
from reports.cost.charging import closing
from reports.cost.charging.updating import update_charges
from reports.periods import month_of, next_month
from tests.admin.conftest import html_of
from tests.cost.ledgers import assign, plan, total, use
from tests.sending import Sender

CLOSE = "/reports/months/close/"


def first_of(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


@pytest.fixture
def team(team_a: Sender) -> Owner:
    """An owner with usage two months ago, last month and now."""
    owner = team_a.key.default_owner
    assign(plan(prices={"events": "2"}), of=owner.organization)
    for back in (2, 1, 0):
        use(owner, first_of(month_ago(back)), stored=(back + 1) * 1_000_000)
    update_charges(owner.organization_id, timezone.now())
    return owner


def month_ago(back: int) -> date:
    month = month_of(timezone.now().date())
    for _ in range(back):
        month = month_of(month - timedelta(days=1))
    return month


def path(team: Owner, back: int) -> str:
    return f"{CLOSE}?organization={team.organization_id}&month={month_ago(back):%Y-%m}"


def sent(client: Client, team: Owner, back: int, **changes: str) -> str:
    """Submit the form as shown, and return the next page."""
    html = html_of(client, path(team, back))
    seen = html.partition('name="seen" value="')[2].partition('"')[0]
    data = {"organization": str(team.organization_id), "month": f"{month_ago(back):%Y-%m}", "sure": "yes"}
    answer = client.post(CLOSE, data | {"seen": seen} | changes, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def states(team: Owner) -> list[str]:
    found = BillingMonth.objects.filter(organization=team.organization).order_by("month")
    return list(found.values_list("state", flat=True))


def test_an_operator_closes_the_month_that_was_shown(team: Owner, operator: Client) -> None:
    assert "2 months" not in html_of(operator, "/reports/months/")
    shown = html_of(operator, path(team, 2))
    assert "fixes" in shown
    assert "6.00 EUR" in shown, "the total, and each owner's share"
    told = sent(operator, team, 2)
    assert "is closed: 6.00 EUR in 1 charge." in told
    assert states(team) == [State.CLOSED, State.OPEN, State.OPEN]
    entry = AuditEntry.objects.get(action="month.closed")
    assert entry.after["cost"] == "6 EUR"
    assert BillingMonth.objects.get(month=month_ago(2)).closed_by == entry.actor_name


@pytest.mark.parametrize(("back", "why"), [(0, "be closed"), (1, "is still open. Close months in order")])
def test_the_current_month_and_months_after_an_open_one_cannot_be_closed(
    team: Owner, operator: Client, back: int, why: str
) -> None:
    shown = html_of(operator, path(team, back))
    assert why in shown
    assert "<button" not in shown.partition("tally-page")[2].partition("</main>")[0]
    sent(operator, team, back)
    assert set(states(team)) == {State.OPEN}


def test_changed_charges_are_shown_again_before_closing(team: Owner, operator: Client) -> None:
    told = sent(operator, team, 2, seen="5.00 1")
    assert "Charges have changed since this page was shown" in told
    assert set(states(team)) == {State.OPEN}
    assert not AuditEntry.objects.filter(action="month.closed").exists()


def test_only_submitting_the_form_charges_new_usage(team: Owner, operator: Client) -> None:
    use(team, first_of(month_ago(2)), stored=1_000_000)
    before = list(Charge.objects.order_by("pk").values())
    assert "6.00 EUR" in html_of(operator, path(team, 2)), "the last charges"
    assert list(Charge.objects.order_by("pk").values()) == before
    told = sent(operator, team, 2)
    assert "Charges have changed since this page was shown" in told
    assert "8.00 EUR" in told
    assert set(states(team)) == {State.OPEN}
    assert "is closed: 8.00 EUR in 1 charge." in sent(operator, team, 2)


def test_closing_a_month_needs_confirmation(team: Owner, operator: Client) -> None:
    sent(operator, team, 2, sure="")
    assert set(states(team)) == {State.OPEN}
    html_of(operator, path(team, 2) + "&sure=yes&seen=6.00 1")
    assert set(states(team)) == {State.OPEN}, "a link closes nothing"


@pytest.mark.parametrize("asked", ["", "organization=x&month=2026-01", "organization=1&month=never"])
def test_invalid_parameters_redirect_to_the_list(operator: Client, asked: str) -> None:
    assert operator.get(f"{CLOSE}?{asked}").headers["Location"] == "/reports/months/"


def test_only_operators_can_close_a_month(team: Owner, lead: Client, client: Client) -> None:
    data = {"organization": team.organization_id, "month": f"{month_ago(2):%Y-%m}", "sure": "yes"}
    assert lead.get(path(team, 2)).status_code == lead.post(CLOSE, data).status_code == 403
    assert "/admin/login/" in client.post(CLOSE, data).headers["Location"]
    assert set(states(team)) == {State.OPEN}


def test_closing_a_month_needs_a_csrf_token(team: Owner, operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    data = {"organization": team.organization_id, "month": f"{month_ago(2):%Y-%m}", "sure": "yes"}
    assert strict.post(CLOSE, data).status_code == 403


def test_the_list_has_each_months_cost(team: Owner, operator: Client) -> None:
    html = html_of(operator, "/reports/months/")
    assert "is over and still open" in html
    for back in (0, 1, 2):
        month = month_ago(back)
        cost = total(billing_month__month=month)
        assert cost == Decimal(2 * (back + 1))
        assert f"{month:%Y-%m}" in html
        assert f"{cost:.2f} EUR" in html
    assert next_month(month_ago(1)) == month_ago(0)


def test_a_month_being_charged_cannot_be_closed(
    team: Owner, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'held' USING ERRCODE = 'lock_not_available'; END $$")

    monkeypatch.setattr(closing, "update_charges", lambda *_: transaction.atomic(locked)())
    assert "is being charged right now. Try again in a minute" in sent(operator, team, 2)
    assert set(states(team)) == {State.OPEN}
