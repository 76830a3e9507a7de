"""Keeping charges up to date: what changed since they were made is charged anew, and nothing else.

One organization at a time, in one transaction, which holds the organization's lock. An open month is charged
from the first hour that changed: usage that came in, hours that began, prices that changed. What is found for
a closed month is charged as corrections in the next open one: what the month would cost now, less what was
charged for it in closed months. So doing it again changes nothing.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from events.ownership.owner import Organization
from events.store.usage import hour_of
from reports.cost.charges import DAY, HOUR, BillingMonth
from reports.cost.charging import charge_tables, terms, usage
from reports.cost.charging.charge_lines import Line, Span, by_day, charge
from reports.cost.charging.platform_shares import fixed_lines
from reports.cost.charging.terms import ALWAYS, Terms
from reports.cost.plans import Price
from reports.periods import next_month

log = logging.getLogger(__name__)
Changes = dict[int, datetime]  # of each owner, the first hour that changed


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done for an organization."""

    months: int = 0  # whose charges were made anew, in part at least
    owners: int = 0  # in them
    corrections: int = 0  # rows that stand there now


def keep(organization_id: int, now: datetime, *, history: bool = True, wait: bool = True) -> Kept | None:
    """Bring an organization's charges up to date; None where somebody else is at it and `wait` is False.

    Without `history`, usage of closed months isn't looked at.
    """
    with transaction.atomic():
        lock = Organization.objects.select_for_update(no_key=True, skip_locked=not wait)
        if not lock.filter(pk=organization_id).exists():
            return None
        owners = usage.owners_with_usage(organization_id)
        if not owners:
            return Kept()
        return _Keeping(organization_id, owners, now).run(history=history)


class _Keeping:
    """One round for an organization."""

    def __init__(self, organization_id: int, owners: list[int], now: datetime) -> None:
        self._owners = owners
        self._now = now
        self._terms = terms.of_organization(organization_id)
        self._months = _months(organization_id, owners, now, self._terms.currency)
        self._open = [month for month in self._months if not month.is_closed]
        self._closed = [month for month in self._months if month.is_closed]

    def run(self, *, history: bool) -> Kept:
        since = ALWAYS if history or not self._closed else self._open[0].since
        changes = usage.note(self._owners, since)
        corrections = sum(self._correct(month, changes) for month in self._closed)
        charged = [self._charge(month, changes) for month in self._open]
        return Kept(sum(map(bool, charged)), sum(charged), corrections)

    def _charge(self, month: BillingMonth, changes: Changes) -> int:
        """Charge an open month; for how many owners anything was to do."""
        until = min(month.until, hour_of(self._now) + HOUR)
        until = max(until, month.charged_until or until)  # what was charged stays, if the clock goes back
        fingerprint = self._terms.fingerprint(month.month, month.until)
        is_new = month.charged_until is None or month.terms != fingerprint
        begins = {
            owner: month.since if is_new else self._since(month, owner, changes) for owner in self._owners
        }
        due = {owner: _of_days(since, until) for owner, since in begins.items() if since < until}
        prices: set[int] = set()
        for owner, since in due.items():
            lines = lines_of(month, self._terms, owner, since, until)
            prices |= charge_tables.replace(month, [owner], since, lines)
        if due:
            fixed = fixed_lines(month, self._terms, charge_tables.shares(month))
            charge_tables.replace(month, self._owners, month.since, fixed, fixed=True)
        # That a price was charged is noted once, and then holds for ever.
        Price.objects.filter(pk__in=prices, charged_at=None).update(charged_at=self._now)
        if due or is_new:
            month.charged_until, month.terms, month.currency = until, fingerprint, self._terms.currency
            month.save(update_fields=["charged_until", "terms", "currency"])
        return len(due)

    def _since(self, month: BillingMonth, owner: int, changes: Changes) -> datetime:
        """From which hour on an owner's charges are to be made; what was kept may have changed before."""
        charged_until = month.charged_until
        assert charged_until is not None, "a month that has no charges is charged from its begin"
        return max(month.since, min(charged_until, changes.get(owner, charged_until)))

    def _correct(self, month: BillingMonth, changes: Changes) -> int:
        """Charge in the next open month what a closed one would cost otherwise now."""
        fingerprint = self._terms.fingerprint(month.month, month.until)
        if month.terms == fingerprint and not any(hour < month.until for hour in changes.values()):
            return 0
        compute(month, self._terms, self._owners)
        target = next(each for each in self._open if each.month > month.month)
        made = charge_tables.correct(month, [each.pk for each in self._closed], target)
        charge_tables.sum_up_corrections(target)
        if month.terms != fingerprint:
            month.terms = fingerprint
            month.save(update_fields=["terms"])
        if made:
            log.info("Corrections of a closed month", extra={"month": str(month), "rows": made})
        return made


def _of_days(since: datetime, until: datetime) -> datetime:
    """Return from which hour on to charge: a day that is over by `until` is charged as a whole."""
    day = since.replace(hour=0)
    return day if day + DAY <= until else since


def lines_of(
    month: BillingMonth, terms_: Terms, owner_id: int, since: datetime, until: datetime
) -> Iterator[Line]:
    """The charges of an owner in a month, from an hour that what was charged before holds for."""
    return by_day(hourly(month, terms_, owner_id, since, until), until)


def hourly(
    month: BillingMonth, terms_: Terms, owner_id: int, since: datetime, until: datetime
) -> Iterator[Line]:
    """The same, stored data too by the hour."""
    return charge(
        owner_id,
        terms_,
        Span(since, until, month.hours),
        usage.uses(owner_id, since, until),
        usage.kept(owner_id, since),
        charge_tables.quantities(month, owner_id, since) if since > month.since else {},
    )


def compute(month: BillingMonth, terms_: Terms, owners: list[int], until: datetime | None = None) -> None:
    """Stage what a month would be charged now, from its begin."""
    charge_tables.clear_stage()
    for owner in owners:
        charge_tables.stage(lines_of(month, terms_, owner, month.since, until or month.until))
    charge_tables.stage(fixed_lines(month, terms_, charge_tables.staged_shares()))


def _months(organization_id: int, owners: list[int], now: datetime, currency: str) -> list[BillingMonth]:
    """The months of an organization, from its first usage to now, in order; missing ones are made."""
    first = usage.first_hour(owners)
    assert first is not None, "owners that have usage"
    month, last = first.date().replace(day=1), max(now, first).date().replace(day=1)
    wanted: list[date] = []
    while month <= last:
        wanted.append(month)
        month = next_month(month)
    BillingMonth.objects.bulk_create(
        [BillingMonth(organization_id=organization_id, month=each, currency=currency) for each in wanted],
        ignore_conflicts=True,
    )
    return list(
        BillingMonth.objects.filter(organization=organization_id)
        .select_related("organization")
        .order_by("month")
    )
