"""Billing months: each month of each organization, what it cost and whether it is closed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q, Sum

from reports.cost.charges import BillingMonth, ChargeDay, begin_of
from reports.cost.numbers import ZERO
from reports.periods import next_month

MOST = 500


@dataclass(frozen=True, slots=True)
class Month:
    """A month of an organization."""

    organization_id: int
    organization: str
    month: date
    currency: str
    cost: Decimal
    corrections: Decimal
    charged_until: datetime | None
    closed_at: datetime | None
    closed_by: str
    is_first_open: bool  # those before it are closed

    @property
    def is_closed(self) -> bool:
        """Whether it never changes any more."""
        return self.closed_at is not None

    def is_due(self, now: datetime) -> bool:
        """Whether it can be closed."""
        return self.is_first_open and not self.is_closed and now >= begin_of(next_month(self.month))

    def state(self, now: datetime) -> str:
        """In a word or two."""
        if self.is_closed:
            return "closed"
        if now < begin_of(next_month(self.month)):
            return "running"
        return "open: close it" if self.is_first_open else "open, until the one before is closed"


def months() -> list[Month]:
    """The months of all organizations, newest first; two statements."""
    rows = list(BillingMonth.objects.select_related("organization").order_by("-month", "organization")[:MOST])
    found = ChargeDay.objects.filter(billing_month__in=[row.pk for row in rows])
    sums = {
        key: (cost, corrections)
        for key, cost, corrections in found.values_list("billing_month_id")
        .annotate(costs=Sum("cost"), corrections=Sum("cost", filter=Q(is_correction=True), default=ZERO))
        .order_by()
    }
    first: dict[int, date] = {}
    for row in rows:
        if not row.is_closed:
            first[row.organization_id] = row.month  # the newest come first, so the oldest stays
    return [
        Month(
            row.organization_id,
            row.organization.name,
            row.month,
            row.currency,
            *sums.get(row.pk, (ZERO, ZERO)),
            row.charged_until,
            row.closed_at,
            row.closed_by,
            first.get(row.organization_id) == row.month,
        )
        for row in rows
    ]
