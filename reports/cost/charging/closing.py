"""Closing a month: looked at first, then done, and noted who did it. What is closed never changes."""

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
from reports.cost.charges import BillingMonth, Charge, ChargeDay, State
from reports.cost.charging.updating import keep
from reports.cost.numbers import ZERO, sum_of


class NotClosable(ValueError):
    """Why a month can't be closed, in a sentence."""


@dataclass(frozen=True)
class OwnersPart:
    """What closing fixes for one owner."""

    owner_id: int
    owner: str
    cost: Decimal
    of_which_corrections: Decimal


@dataclass(frozen=True)
class Preview:
    """What closing a month fixes."""

    organization: str
    month: date
    currency: str
    owners: tuple[OwnersPart, ...]
    rows: int
    obstacle: str  # why it can't be closed; empty: it can

    @property
    def total(self) -> Decimal:
        """The cost of the month."""
        return sum_of(each.cost for each in self.owners)


def preview(organization: Organization, month: date, now: datetime) -> Preview:
    """What closing would fix, by the charges that there are: it writes none, since looking changes nothing.

    Raises `NotClosable` for a month that is none.
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
            OwnersPart(row["owner_id"], row["owner__name"], row["total"], row["corrections"]) for row in rows
        ),
        rows=Charge.objects.filter(billing_month=found).aggregate(rows=Count("*"))["rows"],
        obstacle=_obstacle(found, now),
    )


def close(organization: Organization, month: date, actor: Actor, now: datetime) -> Preview:
    """Bring the charges of a month up to date and fix them. Raises `NotClosable`, also while somebody else
    charges.
    """
    with transaction.atomic():
        # Nobody charges in between: the lock that charging takes.
        with _charged_by_nobody_else(organization):
            Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
            keep(organization.pk, now)
        fixed = preview(organization, month, now)
        if fixed.obstacle:
            raise NotClosable(fixed.obstacle)
        found = _month(organization, month)
        found.state, found.closed_at, found.closed_by = State.CLOSED, now, actor.name
        found.save(update_fields=["state", "closed_at", "closed_by"])
        told = {"cost": f"{fixed.total.normalize():f} {fixed.currency}", "rows": fixed.rows}
        audit.record(actor, "month.closed", found, after=told)
    return fixed


@contextmanager
def _charged_by_nobody_else(organization: Organization) -> Iterator[None]:
    """The wait for the lock that charging holds, which ends in a sentence. Raises `NotClosable`."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise NotClosable(f"{organization} is being charged right now: try again in a minute.") from error


def _month(organization: Organization, month: date) -> BillingMonth:
    found = BillingMonth.objects.filter(organization=organization, month=month).first()
    if found is None:
        raise NotClosable(f"{organization} has no usage up to {month:%B %Y}.")
    return found


def _obstacle(found: BillingMonth, now: datetime) -> str:
    if found.is_closed:
        return f"It was closed by {found.closed_by} already."
    if now < found.until:
        return f"It isn't over before {found.until:%Y-%m-%d %H:%M} UTC."
    before = BillingMonth.objects.filter(
        organization=found.organization, month__lt=found.month, state=State.OPEN
    )
    earlier = before.order_by("month").first()
    return f"{earlier.month:%B %Y} is still open: months are closed in their order." if earlier else ""
