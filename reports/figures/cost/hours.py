"""Cost of hours: a day by hour, and the charges of one hour. Reads the charges of one day at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import QuerySet, Sum

from reports.cost.charges import HOUR, Charge
from reports.cost.meters import PLATFORM, STORED
from reports.figures.cost.charges import DIMENSIONS, CostQuery
from reports.periods import DAY
from reports.query.relation import Key

MOST = 2_000  # charges of an hour


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge as shown on the page."""

    owner_id: int
    source_id: int | None
    kind: str
    dialect: str
    meter: str
    tier: int
    consumed: Decimal
    unit_price: Decimal
    cost: Decimal


def by_hour(asked: CostQuery, seen: Sequence[int], day: date, by: str) -> dict[datetime, dict[Key, Decimal]]:
    """Return the cost of each hour of a day by one of DIMENSIONS.

    `seen` are all owners that the reader may see.
    """
    since = datetime(day.year, day.month, day.day, tzinfo=UTC)
    hours: dict[datetime, dict[Key, Decimal]] = {}
    found = _rows(asked, seen, since, since + DAY).values_list("hour", DIMENSIONS[by])
    for hour, key, cost in found.annotate(costs=Sum("cost")).order_by():
        hours.setdefault(hour, {})[key] = cost
    return hours


def of_hour(asked: CostQuery, seen: Sequence[int], hour: datetime) -> list[Charged]:
    """Return the charges of an hour, most expensive first."""
    names = (
        "owner_id",
        "source_id",
        "kind",
        "dialect",
        "meter",
        "tier",
        "consumed",
        "unit_price",
        "cost",
    )
    found = _rows(asked, seen, hour, hour + HOUR).order_by("-cost", "pk").values_list(*names)[:MOST]
    return [Charged(*row) for row in found]


def _rows(asked: CostQuery, seen: Sequence[int], since: datetime, until: datetime) -> QuerySet[Charge]:
    """Return charges of usage, without stored data, which is charged by the day.

    Always filters by a list of owners, even for readers who see all, because the index has the owner before
    the hour.
    """
    owners = list(seen) if asked.owners is None else list(asked.owners)
    rows = Charge.objects.filter(
        billing_month__month=asked.month, owner_id__in=owners, hour__gte=since, hour__lt=until
    )
    return rows.filter(is_correction=False, **asked.only).exclude(meter__in=(PLATFORM, STORED))
