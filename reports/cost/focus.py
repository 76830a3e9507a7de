"""FOCUS: charges as rows of the FinOps Open Cost and Usage Specification 1.2. One table says every column."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from events.spreadsheets.sheet import UTC, Heading, Sheet
from reports.cost.analysis.totals import Owners
from reports.cost.charges import HOUR, Charge
from reports.cost.meters import METERS, PLATFORM, free_sku

PROVIDER = SERVICE = "Tally"
FETCHED = 2_000  # rows at a time
MONEY_FORMAT = "#,##0.00########"  # of XLSX


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the export. `value` takes a charge with its owner, source, month and price."""

    name: str
    value: Callable[[Charge], object]

    def heading(self, form: str) -> Heading:
        """Return the specification's name, with the time zone in XLSX, which is for people."""
        is_time, is_money = self.name.endswith(("Start", "End")), self.name.endswith(("Cost", "Price"))
        return Heading(
            self.name,
            zone=UTC if is_time and form == "xlsx" else "",
            is_zulu=True,
            number_format=MONEY_FORMAT if is_money else "",
        )


def _never(_: Charge) -> None:
    return None


def _of_usage(value: Callable[[Charge], object]) -> Callable[[Charge], object]:
    """A value that a fixed cost has not."""
    return lambda charge: None if charge.meter == PLATFORM else value(charge)


def _of_regular(value: Callable[[Charge], object]) -> Callable[[Charge], object]:
    """A value that a correction has not: it is a difference between tiers and prices."""
    return lambda charge: None if charge.is_correction else value(charge)


def _sku(charge: Charge) -> str:
    return charge.price.sku if charge.price else free_sku(charge.meter)


def _description(charge: Charge) -> str:
    what = charge.label or METERS[charge.meter].description
    return f"Correction of a closed month: {what}" if charge.is_correction else what


def _period_end(charge: Charge) -> datetime:
    if charge.meter != PLATFORM:
        return charge.hour + charge.hours * HOUR
    return (charge.hour + 31 * 24 * HOUR).replace(day=1)


def _tags(charge: Charge) -> str:
    tags = {"kind": charge.kind} if charge.kind else {}
    return json.dumps(tags)


# In the specification's order, then Tally's own. All kinds of cost are equal, because there are no
# commitments and discounts are negotiated.
COLUMNS: tuple[Column, ...] = (
    Column("BilledCost", lambda charge: charge.cost),
    Column("BillingAccountId", lambda charge: charge.owner.organization.slug),
    Column("BillingAccountName", lambda charge: charge.owner.organization.name),
    Column("BillingCurrency", lambda charge: charge.billing_month.currency),
    Column("BillingPeriodEnd", lambda charge: charge.billing_month.until),
    Column("BillingPeriodStart", lambda charge: charge.billing_month.since),
    Column("ChargeCategory", lambda charge: "Purchase" if charge.meter == PLATFORM else "Usage"),
    Column("ChargeClass", lambda charge: "Correction" if charge.is_correction else None),
    Column("ChargeDescription", _description),
    Column("ChargeFrequency", lambda charge: "Recurring" if charge.meter == PLATFORM else "Usage-Based"),
    Column("ChargePeriodEnd", _period_end),
    Column("ChargePeriodStart", lambda charge: charge.hour),
    Column("ConsumedQuantity", _of_usage(lambda charge: charge.consumed)),
    Column("ConsumedUnit", _of_usage(lambda charge: METERS[charge.meter].consumed_unit)),
    Column("ContractedCost", lambda charge: charge.cost),
    Column("ContractedUnitPrice", lambda charge: charge.unit_price),
    Column("EffectiveCost", lambda charge: charge.cost),
    Column("InvoiceId", _never),
    Column("InvoiceIssuerName", lambda _: PROVIDER),
    Column("ListCost", lambda charge: charge.list_cost),
    Column("ListUnitPrice", lambda charge: charge.list_unit_price),
    Column("PricingCategory", lambda _: "Standard"),
    Column("PricingQuantity", lambda charge: charge.quantity),
    Column("PricingUnit", lambda charge: METERS[charge.meter].pricing_unit),
    Column("ProviderName", lambda _: PROVIDER),
    Column("PublisherName", lambda _: PROVIDER),
    Column("ResourceId", lambda charge: str(charge.source_id) if charge.source else None),
    Column("ResourceName", lambda charge: charge.source.name if charge.source else None),
    Column("ResourceType", lambda charge: "Source" if charge.source else None),
    Column("ServiceCategory", lambda _: "Management and Governance"),
    Column("ServiceName", lambda _: SERVICE),
    Column("ServiceSubcategory", lambda _: "Observability"),
    Column("SkuId", _sku),
    Column("SkuMeter", lambda charge: METERS[charge.meter].label),
    Column("SkuPriceDetails", _never),
    Column("SkuPriceId", _of_regular(lambda charge: f"{_sku(charge)}-T{charge.tier + 1}")),
    Column("SubAccountId", lambda charge: str(charge.owner.key)),
    Column("SubAccountName", lambda charge: charge.owner.name),
    Column("Tags", _tags),
    Column("x_Dialect", lambda charge: charge.dialect or None),
    Column("x_WireBytes", lambda charge: charge.wire_bytes if charge.meter == "ingested" else None),
)


def sheet(charges: Iterable[Charge], month: date, form: str) -> Sheet:
    """Return charges as a table for a file. An empty field is null."""
    return Sheet(f"FOCUS {month:%Y-%m}", [column.heading(form) for column in COLUMNS], _rows(charges))


def _rows(charges: Iterable[Charge]) -> Iterator[list[object]]:
    for charge in charges:
        yield [column.value(charge) for column in COLUMNS]


def charges_of(month: date, owners: Owners = None, organization_id: int | None = None) -> Iterable[Charge]:
    """Return the charges that a month bills, in the order of their hours, fetched a part at a time."""
    related = ("owner__organization", "source", "billing_month", "price")
    found = _found(month, owners, organization_id).select_related(*related)
    return found.order_by("billing_month", "owner", "hour", "pk").iterator(chunk_size=FETCHED)


def has_more_than(rows: int, month: date, owners: Owners = None) -> bool:
    """True if a month bills more charges than this, found without counting them all."""
    return _found(month, owners, None)[rows : rows + 1].exists()


def _found(month: date, owners: Owners, organization_id: int | None) -> QuerySet[Charge]:
    found = Charge.objects.filter(billing_month__month=month)
    if owners is not None:
        found = found.filter(owner_id__in=list(owners))
    if organization_id is not None:
        found = found.filter(billing_month__organization=organization_id)
    return found
