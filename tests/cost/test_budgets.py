"""Budgets: leads get one warning per threshold and month, despite crashes and concurrent checks."""

from datetime import date, datetime
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from events.accounts.audit import AuditEntry
from events.ownership.owner import Owner, Role
from reports.admin.mails import parse_message
from reports.cost import budget_mails, budgets
from reports.cost.analysis import forecasts
from reports.cost.analysis.forecasts import forecast, forecasts_by_owner
from reports.cost.budgets import Budget, BudgetNotice
from reports.cost.charging.updating import update_charges
from reports.mail import delivery
from reports.mail.models import SentMail
from tests.cost.ledgers import assign, at, owner, plan, use
from tests.factories import person

D = Decimal
SEPTEMBER = date(2026, 9, 1)


@pytest.fixture
def spender(db: None) -> Owner:
    """An owner with a budget of 100, a lead with an address, and a member."""
    made = owner("Team")
    assign(plan(prices={"events": "2"}))
    Budget.objects.create(owner=made, first_month=SEPTEMBER, amount=D(100))
    with_address(person("lena", made, role=Role.LEAD))
    with_address(person("mike", made))
    return made


def with_address(user: User) -> User:
    user.email = f"{user.username}@example.org"
    user.save()
    return user


def spend(spender: Owner, cost: int, now: datetime) -> None:
    """Add usage of the given cost, and charge it."""
    use(spender, now.replace(minute=0), stored=cost * 500_000)
    update_charges(spender.organization_id, now)


def warnings_sent() -> list[tuple[str, str]]:
    return [(mail.to, mail.subject) for mail in SentMail.objects.order_by("pk")]


def text_of(mail: SentMail) -> str:
    return parse_message(bytes(mail.message)).text.replace("\N{NO-BREAK SPACE}", " ")


def noticed() -> set[str]:
    return set(BudgetNotice.objects.values_list("threshold", flat=True))


def test_leads_are_warned_once_per_threshold(spender: Owner) -> None:
    spend(spender, 49, at(2, 1))
    assert budget_mails.send_budget_warnings(at(2, 1)) == 0
    spend(spender, 1, at(2, 2))
    assert budget_mails.send_budget_warnings(at(2, 2)) == 1
    assert warnings_sent() == [("lena@example.org", "Team has used half of its budget for September 2026")]
    assert budget_mails.send_budget_warnings(at(2, 3)) == 0, "beat runs twice"
    spend(spender, 60, at(3, 1))
    assert budget_mails.send_budget_warnings(at(3, 1)) == 1
    assert noticed() == {"50", "80", "100"}
    assert warnings_sent()[1:] == [("lena@example.org", "Team has used all of its budget for September 2026")]
    mail = SentMail.objects.latest("pk")
    assert "110 % of the budget is used: 110.00 EUR of 100.00 EUR." in text_of(mail)
    assert b"List-Unsubscribe" in bytes(mail.message)


def test_thresholds_start_over_in_the_next_month(spender: Owner) -> None:
    spend(spender, 60, at(29, 1))
    assert budget_mails.send_budget_warnings(at(29, 1)) == 1
    spend(spender, 60, at(2, 1, month=10))
    assert budget_mails.send_budget_warnings(at(3, 1, month=10)) == 1
    assert [subject.partition(" for ")[2] for _, subject in warnings_sent()] == [
        "September 2026",
        "October 2026",
    ]
    assert BudgetNotice.objects.filter(month=date(2026, 10, 1), threshold="50").exists()


def test_usage_of_a_months_last_hours_counts_after_its_end(spender: Owner) -> None:
    spend(spender, 100, at(30, 23))
    assert budget_mails.send_budget_warnings(at(1, 0, month=10)) == 1
    assert noticed() == {"50", "80", "100"}
    assert "September 2026" in warnings_sent()[0][1]


def test_a_forecast_above_the_budget_causes_a_warning(spender: Owner) -> None:
    for day in range(1, 9):
        use(spender, at(day), stored=2_500_000)  # 5 a day, 150 in 30 days
    update_charges(spender.organization_id, at(9))
    assert budget_mails.send_budget_warnings(at(9)) == 1
    assert noticed() == {"forecast"}
    assert warnings_sent()[0][1] == "Team is expected to exceed its budget for September 2026"
    assert "150.00 EUR is expected by the end of the month." in text_of(SentMail.objects.get())


def test_a_forecast_from_too_few_days_causes_no_warning(spender: Owner) -> None:
    for day in range(1, 4):
        use(spender, at(day), stored=2_500_000)
    update_charges(spender.organization_id, at(4))
    assert forecast(SEPTEMBER, [spender.pk], at(4)).expected == 150
    assert budget_mails.send_budget_warnings(at(4)) == 0


def test_forecasts_for_several_owners_equal_separate_forecasts(spender: Owner) -> None:
    other = owner("Other")
    for day in range(1, 9):
        use(spender, at(day), stored=day * 100_000)
        use(other, at(day, 3), stored=300_000, billed_bytes=10**9)
    update_charges(spender.organization_id, at(9, 5))
    found = forecasts_by_owner(SEPTEMBER, None, at(9, 5))
    assert found == {each.pk: forecast(SEPTEMBER, [each.pk], at(9, 5)) for each in (spender, other)}


def test_after_a_crash_the_next_check_sends_all_warnings(
    spender: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_address(person("lola", spender, role=Role.LEAD))
    spend(spender, 50, at(2))
    real = delivery.send

    def dies(*args: Any, **options: Any) -> Any:
        real(*args, **options)
        raise SystemExit

    monkeypatch.setattr(delivery, "send", dies)
    with pytest.raises(SystemExit):
        budget_mails.send_budget_warnings(at(2))
    assert (warnings_sent(), noticed()) == ([], set())
    monkeypatch.undo()
    assert budget_mails.send_budget_warnings(at(2, 1)) == 1
    assert [to for to, _ in warnings_sent()] == ["lena@example.org", "lola@example.org"]


@pytest.mark.django_db(transaction=True)
def test_concurrent_checks_send_one_mail(spender: Owner) -> None:
    spend(spender, 50, at(2))
    together = Barrier(2)

    def run() -> None:
        together.wait()
        budget_mails.send_budget_warnings(at(2))
        connection.close()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(warnings_sent()) == BudgetNotice.objects.count() == 1


def test_the_newest_budget_applies_and_none_ends_it(spender: Owner) -> None:
    Budget.objects.create(owner=spender, first_month=date(2026, 11, 1), amount=D(40))
    Budget.objects.create(owner=spender, first_month=date(2026, 12, 1), amount=D(0))
    found = {
        month: budgets.budget_amounts(date(2026, month, 1)).get(spender.pk) for month in (8, 9, 10, 11, 12)
    }
    assert found == {8: None, 9: 100, 10: 100, 11: 40, 12: None}


def test_unsubscribed_leads_get_no_warning(spender: Owner) -> None:
    spend(spender, 50, at(2))
    budget_mails.send_budget_warnings(at(2))
    address = SentMail.objects.get().address
    assert address is not None
    address.unwanted = [budget_mails.KIND]
    address.save()
    assert "unsubscribed" in address.suppression(budget_mails.KIND)


def test_leads_set_budgets_only_for_their_owners(spender: Owner, client: Client) -> None:
    other = owner("Other")
    client.force_login(User.objects.get(username="lena"))
    path = "/admin/cost/budget/add/"
    refused = client.post(path, {"owner": other.pk, "first_month": "2026-10-01", "amount": "50"})
    assert refused.status_code == 200
    assert not Budget.objects.filter(owner=other).exists()
    client.post(path, {"owner": spender.pk, "first_month": "2026-10-17", "amount": "50"})
    made = Budget.objects.get(owner=spender, first_month=date(2026, 10, 1))
    assert made.amount == 50
    again = client.post(path, {"owner": spender.pk, "first_month": "2026-10-02", "amount": "60"})
    assert b"Change that one" in again.content
    client.post(
        f"/admin/cost/budget/{made.pk}/change/",
        {"owner": spender.pk, "first_month": "2026-10-01", "amount": "70"},
    )
    actions = AuditEntry.objects.filter(action__startswith="budget.").order_by("pk")
    assert [entry.action for entry in actions] == ["budget.made", "budget.changed"]

    client.force_login(User.objects.get(username="mike"))
    assert client.get("/admin/cost/budget/").status_code == 200
    assert client.get(path).status_code == 403
    assert client.post(f"/admin/cost/budget/{made.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_accuracy_of_forecasts_is_measured_on_past_months(
    spender: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in range(1, 32):
        use(spender, at(day, month=8), stored=500_000)
    for day in range(1, 31):
        use(spender, at(day), stored=500_000 if day <= 15 else 1_000_000)
    update_charges(spender.organization_id, at(2, month=10))
    days = forecasts.daily_costs(date(2026, 7, 1), date(2026, 10, 1), [spender.pk])
    found = forecasts.mean_errors(days, [SEPTEMBER])
    third = D(15) / D(45)
    assert abs(found[0] - third) < D("1e-15"), "30 were expected, 45 came"
    assert abs(found[15] - third) < D("1e-15")
    assert found[29] < D("0.02")
    assert forecasts.worst_error(date(2026, 10, 1), 0, [spender.pk]) == D("0.5")
    assert forecasts.worst_error(date(2026, 8, 1), 5, [spender.pk]) is None, "no month before"
    call_command("forecast_errors", "--organization", spender.organization.slug)
    assert "0 days:" in capsys.readouterr().out
