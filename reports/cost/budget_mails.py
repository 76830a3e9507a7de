"""Warning: leads get a mail when a budget's threshold is passed, once for each threshold and month.

What was passed is noted in the transaction that puts the mails down: two at a time meet the same unique row,
and whoever dies half-way has done nothing. Sending is reports.mail's.
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
from reports.cost.budgets import BudgetNotice, Standing, Threshold, standings
from reports.mail import delivery, links
from reports.mail.addresses import Address, of_person
from reports.mail.kinds import Kind, register
from reports.mail.message import MailContent
from reports.mail.text import isolated, line
from reports.periods import Period, month_of, next_month

log = logging.getLogger(__name__)
KIND = "budget"
NO_BREAK = "\N{NO-BREAK SPACE}"
# The last hours of a month are charged when the next has begun.
STILL_LOOKED_AT = timedelta(days=1)
SAID = {
    Threshold.HALF: "has used half of its budget",
    Threshold.MOST: "has used 80 % of its budget",
    Threshold.FORECAST: "is expected to exceed its budget",
    Threshold.ALL: "has used all of its budget",
}


def warn(now: datetime) -> int:
    """Note what was passed, and have leads told; how many owners there was something to tell of."""
    months = dict.fromkeys((month_of((now - STILL_LOOKED_AT).date()), month_of(now.date())))
    told: list[Standing] = []

    def tell(each: tuple[Standing, date]) -> None:
        if _tell(*each, now):
            told.append(each[0])

    loading = owners_being_loaded()
    found = [
        (standing, month)
        for month in months
        for standing in standings(month, None, now)
        if standing.owner_id not in loading
    ]
    for_each(found, tell, log, "Nobody can be told of a budget")
    return len(told)


def _tell(standing: Standing, month: date, now: datetime) -> bool:
    """Note what was passed anew; one mail to each lead, of the gravest."""
    with transaction.atomic():
        new = [threshold for threshold in standing.passed if _note(standing, month, threshold, now)]
        if not new:
            return False
        owner = Owner.objects.get(pk=standing.owner_id)
        for lead in leads_of([owner]):
            address = of_person(lead)
            if address is not None:
                _send(address, owner, standing, month, new[-1], now)
    return True


def _note(standing: Standing, month: date, threshold: Threshold, now: datetime) -> bool:
    """Whether it wasn't noted before."""
    values = {
        "amount": standing.amount,
        "cost": standing.forecast.so_far,
        "expected": standing.forecast.expected,
        "noticed_at": now,
    }
    _, is_new = BudgetNotice.objects.get_or_create(
        owner_id=standing.owner_id, month=month, threshold=threshold, defaults=values
    )
    return is_new


def _send(
    address: Address, owner: Owner, standing: Standing, month: date, threshold: Threshold, now: datetime
) -> None:
    delivery.send(
        budget_warning(address, owner, standing, month, threshold),
        to=address,
        kind=KIND,
        key=f"budget/{owner.pk}/{month:%Y-%m}/{threshold}/{address.pk}",
        now=now,
        about=str(owner.pk),
        period=Period(month, next_month(month), ZoneInfo("UTC")),
    )


def budget_warning(
    address: Address, owner: Owner, standing: Standing, month: date, threshold: Threshold
) -> MailContent:
    """Build the mail that tells a lead of a threshold."""
    end_url = links.end_url(KIND, str(owner.pk), address)
    context = {
        "owner": owner,
        "month": f"{month:%B %Y}",
        "said": SAID[threshold],
        "used": _percent(standing.used),
        "cost": _money(standing.forecast.so_far, standing),
        "amount": _money(standing.amount, standing),
        "expected": _money(standing.forecast.expected, standing) if standing.forecast.expected else "",
        "url": links.absolute(f"{reverse('reports:cost')}?owner={owner.pk}&month={month:%Y-%m}"),
        "end_url": end_url,
    }
    return MailContent(
        subject=f"{isolated(line(owner.name))} {SAID[threshold]} for {month:%B %Y}",
        text=render_to_string("mail/budget.txt", context),
        html=render_to_string("mail/budget.html", context),
        end_url=end_url,
    )


def connect() -> None:
    """Make warnings known to mail."""
    register(Kind(KIND, "warnings about budgets"))


def _percent(part: Decimal) -> str:
    return f"{part:.0%}".replace("%", f"{NO_BREAK}%")


def _money(value: Decimal, standing: Standing) -> str:
    return f"{value:,.2f}{NO_BREAK}{standing.currency}"
