"""Meters: what usage is measured by, in which units, and under which names of FOCUS 1.2."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

ONE_MILLION, GB = Decimal(10**6), Decimal(10**9)
EVENTS, INGESTED, STORED = "events", "ingested", "stored"
DUPLICATES, REJECTED = "duplicates", "rejected"
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter, in words for people and in the terms of FOCUS 1.2.

    One pricing unit is `consumed_per_unit` consumed units; for GB-months, that is the number of hours in the
    month.
    """

    name: str
    label: str
    description: str  # of a charge
    consumed_unit: str
    pricing_unit: str
    consumed_per_unit: Decimal | None = None
    is_priced: bool = True  # by plans; other meters are counted at price 0
    is_usage: bool = True  # of one source, hour by hour


METERS: Mapping[str, Meter] = {
    meter.name: meter
    for meter in (
        Meter(EVENTS, "Events", "Events accepted", "Events", "1000000 Events", ONE_MILLION),
        Meter(INGESTED, "Ingested data", "Data of accepted events", "GB", "GB", Decimal(1)),
        Meter(STORED, "Stored data", "Data of events kept for the hour", "GB-Hours", "GB-Months"),
        Meter(
            DUPLICATES,
            "Duplicates",
            "Events that were already stored, free of charge",
            "Events",
            "1000000 Events",
            ONE_MILLION,
            is_priced=False,
        ),
        Meter(
            REJECTED,
            "Rejected events",
            "Rejected events, free of charge",
            "Events",
            "1000000 Events",
            ONE_MILLION,
            is_priced=False,
        ),
        Meter(
            PLATFORM,
            "Platform cost",
            "Share of a fixed cost of the platform",
            "Months",
            "Months",
            Decimal(1),
            is_priced=False,
            is_usage=False,
        ),
    )
}
PRICED = tuple(meter.name for meter in METERS.values() if meter.is_priced)
USAGE = tuple(meter.name for meter in METERS.values() if meter.is_usage)


def free_sku(meter: str) -> str:
    """Return the SKU of a meter without a price."""
    return f"TALLY-{meter.upper()}"
