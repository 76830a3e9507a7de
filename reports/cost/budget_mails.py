"""Budget warnings: leads get a mail when a threshold is passed, once per threshold and month.

A passed threshold is noted in the transaction that queues the mails. Two processes at once meet the same
unique row, and one that dies half-way leaves nothing behind.
"""

import logging
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from events.access import leads_of
from events.lib.janitors import for_each
from events.ownership.owner import Owner
from events.store.completeness import owners_being_loaded
from reports.cost.budgets import BudgetNotice, BudgetStatus, Threshold, budget_statuses
from reports.mail import delivery, links
from reports.mail.addresses import Address, of_person
from reports.mail.kinds import Kind, register
from reports.mail.message import MailContent
from reports.mail.text import isolated, one_line
from reports.periods import Period, month_of, next_month

log = logging.getLogger(__name__)
KIND = "budget"
NO_BREAK = "\N{NO-BREAK SPACE}"
# The last hours of a month are charged after the next has begun.
GRACE = timedelta(days=1)
MESSAGES = {
    Threshold.HALF: "has used half of its budget",
    Threshold.MOST: "has used 80 % of its budget",
    Threshold.FORECAST: "is expected to exceed its budget",
    Threshold.ALL: "has used all of its budget",
}


def send_budget_warnings(now: datetime) -> int:
    """Note newly passed thresholds and mail the leads; return the number of owners concerned."""
    months = dict.fromkeys((month_of((now - GRACE).date()), month_of(now.date())))
    told: list[BudgetStatus] = []

    def tell(each: tuple[BudgetStatus, date]) -> None:
        if _send_if_new(*each, now):
            told.append(each[0])

    loading = owners_being_loaded()
    found = [
        (status, month)
        for month in months
        for status in budget_statuses(month, None, now)
        if status.owner_id not in loading
    ]
    for_each(found, tell, log, "Budget warnings can't be sent")
    return len(told)


def _send_if_new(status: BudgetStatus, month: date, now: datetime) -> bool:
    """Note newly passed thresholds and send each lead one mail, about the most serious."""
    with transaction.atomic():
        new = [threshold for threshold in status.passed if _note(status, month, threshold, now)]
        if not new:
            return False
        owner = Owner.objects.get(pk=status.owner_id)
        for lead in leads_of([owner]):
            address = of_person(lead)
            if address is not None:
                _send(address, owner, status, month, new[-1], now)
    return True


def _note(status: BudgetStatus, month: date, threshold: Threshold, now: datetime) -> bool:
    """Note a passed threshold; True if it is new."""
    values = {
        "amount": status.amount,
        "cost": status.forecast.so_far,
        "expected": status.forecast.expected,
        "noticed_at": now,
    }
    _, is_new = BudgetNotice.objects.get_or_create(
        owner_id=status.owner_id, month=month, threshold=threshold, defaults=values
    )
    return is_new


def _send(
    address: Address, owner: Owner, status: BudgetStatus, month: date, threshold: Threshold, now: datetime
) -> None:
    delivery.send(
        budget_warning(address, owner, status, month, threshold),
        to=address,
        kind=KIND,
        key=f"budget/{owner.pk}/{month:%Y-%m}/{threshold}/{address.pk}",
        now=now,
        about=str(owner.pk),
        period=Period(month, next_month(month), ZoneInfo("UTC")),
    )


def budget_warning(
    address: Address, owner: Owner, status: BudgetStatus, month: date, threshold: Threshold
) -> MailContent:
    """Write the mail that warns a lead of a threshold."""
    unsubscribe_url = links.unsubscribe_url(KIND, str(owner.pk), address)
    context = {
        "owner": owner,
        "month": f"{month:%B %Y}",
        "said": MESSAGES[threshold],
        "used": _percent(status.used),
        "cost": _money(status.forecast.so_far, status),
        "amount": _money(status.amount, status),
        "expected": _money(status.forecast.expected, status) if status.forecast.expected else "",
        "url": links.absolute(f"{reverse('reports:cost')}?owner={owner.pk}&month={month:%Y-%m}"),
        "unsubscribe_url": unsubscribe_url,
    }
    return MailContent(
        subject=f"{isolated(one_line(owner.name))} {MESSAGES[threshold]} for {month:%B %Y}",
        text=render_to_string("mail/budget.txt", context),
        html=render_to_string("mail/budget.html", context),
        unsubscribe_url=unsubscribe_url,
    )


def register_kind() -> None:
    """Register budget warnings as a kind of mail."""
    register(Kind(KIND, "budget warnings"))


def _percent(part: Decimal) -> str:
    return f"{part:.0%}".replace("%", f"{NO_BREAK}%")


def _money(value: Decimal, status: BudgetStatus) -> str:
    return f"{value:,.2f}{NO_BREAK}{status.currency}"
