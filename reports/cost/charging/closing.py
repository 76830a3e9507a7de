"""Closing a month: previewed first, then done and audited. A closed month never changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import OperationalError, transaction
from django.db.models import Count, Q, Sum
from psycopg.errors import LockNotAvailable

from events.accounts import audit
from events.accounts.audit import Actor
from events.ownership.owner import Organization
from reports.cost import closed_months
from reports.cost.charges import BillingMonth, Charge, ChargeDay, State
from reports.cost.charging.updating import update_charges
from reports.cost.numbers import ZERO, sum_of


class NotClosable(ValueError):
    """A month can't be closed; the message says why."""


@dataclass(frozen=True)
class OwnerTotal:
    """The cost of a month for one owner."""

    owner_id: int
    owner: str
    cost: Decimal
    corrections: Decimal


@dataclass(frozen=True)
class Preview:
    """The charges that closing a month makes final."""

    organization: str
    month: date
    currency: str
    owners: tuple[OwnerTotal, ...]
    rows: int
    obstacle: str  # why it can't be closed; empty if it can

    @property
    def total(self) -> Decimal:
        """The cost of the month."""
        return sum_of(each.cost for each in self.owners)


def preview(organization: Organization, month: date, now: datetime) -> Preview:
    """Return what closing a month would make final, from its current charges. Changes nothing.

    Raises `NotClosable` for a month without charges.
    """
    found = _month(organization, month)
    correction = Sum("cost", filter=Q(is_correction=True), default=ZERO)
    sums = ChargeDay.objects.filter(billing_month=found).values("owner_id", "owner__name")
    rows = sums.annotate(total=Sum("cost"), corrections=correction).order_by("owner__name")
    return Preview(
        organization=organization.name,
        month=month,
        currency=found.currency,
        owners=tuple(
            OwnerTotal(row["owner_id"], row["owner__name"], row["total"], row["corrections"]) for row in rows
        ),
        rows=Charge.objects.filter(billing_month=found).aggregate(rows=Count("*"))["rows"],
        obstacle=_obstacle(found, now),
    )


def close(organization: Organization, month: date, actor: Actor, now: datetime) -> Preview:
    """Bring the charges of a month up to date and close it.

    Raises `NotClosable`, also while another process updates the charges.
    """
    with transaction.atomic():
        # The lock of charging keeps other processes from updating charges in between.
        with _waiting_for_charging(organization):
            Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
            update_charges(organization.pk, now)
        closed = preview(organization, month, now)
        if closed.obstacle:
            raise NotClosable(closed.obstacle)
        found = _month(organization, month)
        found.state, found.closed_at, found.closed_by = State.CLOSED, now, actor.name
        found.save(update_fields=["state", "closed_at", "closed_by"])
        told = {"cost": f"{closed.total.normalize():f} {closed.currency}", "rows": closed.rows}
        audit.record(actor, "month.closed", found, after=told)
        closed_months.add(found, now)
    return closed


@contextmanager
def _waiting_for_charging(organization: Organization) -> Iterator[None]:
    """Wait for the lock of charging. Raises `NotClosable` if it isn't released in time."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise NotClosable(f"{organization} is being charged right now. Try again in a minute.") from error


def _month(organization: Organization, month: date) -> BillingMonth:
    found = BillingMonth.objects.filter(organization=organization, month=month).first()
    if found is None:
        raise NotClosable(f"{organization} has no usage up to {month:%B %Y}.")
    return found


def _obstacle(found: BillingMonth, now: datetime) -> str:
    if found.is_closed:
        return f"It was already closed by {found.closed_by}."
    if now < found.until:
        return f"It isn't over before {found.until:%Y-%m-%d %H:%M} UTC."
    before = BillingMonth.objects.filter(
        organization=found.organization, month__lt=found.month, state=State.OPEN
    )
    earlier = before.order_by("month").first()
    return f"{earlier.month:%B %Y} is still open. Close months in order." if earlier else ""
