"""Bringing charges up to date: only what has changed since the last update is charged again.

Each organization is updated in one transaction that holds its lock. An open month is charged again from the
first hour that changed: new usage, a new hour, a new price. Changes to a closed month become corrections in
the next open one: what the month would cost now, less what closed months have charged for it. Running the
update again therefore changes nothing.
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
from reports.cost.charging.charge_lines import ChargeLine, HourRange, compute_lines, merge_stored_by_day
from reports.cost.charging.platform_shares import platform_cost_lines
from reports.cost.charging.terms import ALWAYS, Terms
from reports.cost.plans import Price
from reports.periods import next_month

log = logging.getLogger(__name__)
Changes = dict[int, datetime]  # the first hour that changed, by owner


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The changes made by an update of an organization."""

    months: int = 0  # with replaced charges
    owners: int = 0  # in them
    corrections: int = 0  # rows


def update_charges(
    organization_id: int, now: datetime, *, history: bool = True, wait: bool = True
) -> UpdateResult | None:
    """Bring an organization's charges up to date. None if another update is running and `wait` is False.

    Without `history`, usage of closed months isn't checked.
    """
    with transaction.atomic():
        lock = Organization.objects.select_for_update(no_key=True, skip_locked=not wait)
        if not lock.filter(pk=organization_id).exists():
            return None
        owners = usage.owners_with_usage(organization_id)
        if not owners:
            return UpdateResult()
        return _Update(organization_id, owners, now).run(history=history)


class _Update:
    """One update of an organization."""

    def __init__(self, organization_id: int, owners: list[int], now: datetime) -> None:
        self._owners = owners
        self._now = now
        self._terms = terms.load_terms(organization_id)
        self._months = _months(organization_id, owners, now, self._terms.currency)
        self._open = [month for month in self._months if not month.is_closed]
        self._closed = [month for month in self._months if month.is_closed]

    def run(self, *, history: bool) -> UpdateResult:
        since = ALWAYS if history or not self._closed else self._open[0].since
        changes = usage.note_changes(self._owners, since)
        corrections = sum(self._correct(month, changes) for month in self._closed)
        charged = [self._charge(month, changes) for month in self._open]
        return UpdateResult(sum(map(bool, charged)), sum(charged), corrections)

    def _charge(self, month: BillingMonth, changes: Changes) -> int:
        """Charge an open month, and return the number of owners that had changes."""
        until = min(month.until, hour_of(self._now) + HOUR)
        until = max(until, month.charged_until or until)  # charges stay if the clock goes back
        fingerprint = self._terms.fingerprint(month.month, month.until)
        is_new = month.charged_until is None or month.terms != fingerprint
        begins = {
            owner: month.since if is_new else self._since(month, owner, changes) for owner in self._owners
        }
        due = {owner: _whole_days(since, until) for owner, since in begins.items() if since < until}
        prices: set[int] = set()
        for owner, since in due.items():
            lines = owner_lines(month, self._terms, owner, since, until)
            prices |= charge_tables.replace_charges(month, [owner], since, lines)
        if due:
            fixed = platform_cost_lines(month, self._terms, charge_tables.quantities_by_owner(month))
            charge_tables.replace_charges(month, self._owners, month.since, fixed, fixed=True)
        # A price counts as charged from its first charge on, for good.
        Price.objects.filter(pk__in=prices, charged_at=None).update(charged_at=self._now)
        if due or is_new:
            month.charged_until, month.terms, month.currency = until, fingerprint, self._terms.currency
            month.save(update_fields=["charged_until", "terms", "currency"])
        return len(due)

    def _since(self, month: BillingMonth, owner: int, changes: Changes) -> datetime:
        """Return the first hour of an owner to charge again."""
        charged_until = month.charged_until
        assert charged_until is not None, "a month that has no charges is charged from its begin"
        return max(month.since, min(charged_until, changes.get(owner, charged_until)))

    def _correct(self, month: BillingMonth, changes: Changes) -> int:
        """Charge the change in a closed month's cost in the next open month; return the number of rows."""
        fingerprint = self._terms.fingerprint(month.month, month.until)
        if month.terms == fingerprint and not any(hour < month.until for hour in changes.values()):
            return 0
        stage_month(month, self._terms, self._owners)
        target = next(each for each in self._open if each.month > month.month)
        made = charge_tables.insert_corrections(month, [each.pk for each in self._closed], target)
        charge_tables.update_correction_sums(target)
        if month.terms != fingerprint:
            month.terms = fingerprint
            month.save(update_fields=["terms"])
        if made:
            log.info("Corrections of a closed month", extra={"month": str(month), "rows": made})
        return made


def _whole_days(since: datetime, until: datetime) -> datetime:
    """Return the hour to charge from: a day that is over by `until` is charged as a whole."""
    day = since.replace(hour=0)
    return day if day + DAY <= until else since


def owner_lines(
    month: BillingMonth, terms_: Terms, owner_id: int, since: datetime, until: datetime
) -> Iterator[ChargeLine]:
    """Compute an owner's charges in a month between two hours. Earlier charges must be up to date."""
    return merge_stored_by_day(hourly_lines(month, terms_, owner_id, since, until), until)


def hourly_lines(
    month: BillingMonth, terms_: Terms, owner_id: int, since: datetime, until: datetime
) -> Iterator[ChargeLine]:
    """Compute the same, with stored data by the hour too."""
    return compute_lines(
        owner_id,
        terms_,
        HourRange(since, until, month.hours),
        usage.hourly_usage(owner_id, since, until),
        usage.stored_bytes(owner_id, since),
        charge_tables.charged_quantities(month, owner_id, since) if since > month.since else {},
    )


def stage_month(month: BillingMonth, terms_: Terms, owners: list[int], until: datetime | None = None) -> None:
    """Stage the charges of a whole month as they would be now."""
    charge_tables.create_stage()
    for owner in owners:
        charge_tables.stage_lines(owner_lines(month, terms_, owner, month.since, until or month.until))
    charge_tables.stage_lines(platform_cost_lines(month, terms_, charge_tables.staged_quantities_by_owner()))


def _months(organization_id: int, owners: list[int], now: datetime, currency: str) -> list[BillingMonth]:
    """Return an organization's months from its first usage to now, in order; missing ones are created."""
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
