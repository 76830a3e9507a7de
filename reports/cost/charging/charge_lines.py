"""Charge lines, computed from counted usage and terms. Pure: the same usage makes the same charges.

Order and tiers: an owner's usage is charged hour by hour, and within an hour by source, kind and dialect.
Each meter has a cumulative quantity for the month, across all sources, kinds and dialects of the owner. The
part between two tiers costs the unit price of the lower one (graduated pricing). The tiers are those of the
price in force at the hour; the cumulative quantity carries on when a price or plan changes mid-month.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from reports.cost.charges import DAY, HOUR
from reports.cost.charging.terms import Rate, Terms, Tier
from reports.cost.charging.usage import HourUsage, UsageKey
from reports.cost.meters import (
    DUPLICATES,
    EVENTS,
    GB,
    INGESTED,
    METERS,
    ONE_MILLION,
    REJECTED,
    STORED,
)
from reports.cost.numbers import ZERO, exactly, quotient


class ChargeLine(NamedTuple):
    """One charge, before it is stored."""

    owner_id: int
    hour: datetime
    source_id: int | None
    kind: str
    dialect: str
    meter: str
    tier: int
    price_id: int | None
    label: str
    consumed: Decimal
    quantity: Decimal
    list_unit_price: Decimal
    unit_price: Decimal
    list_cost: Decimal
    cost: Decimal
    wire_bytes: int
    hours: int = 1  # covered from `hour` on; more than one only for stored data of a past day


class HourRange(NamedTuple):
    """The hours to charge, all in one month."""

    since: datetime
    until: datetime
    hours_of_month: int


def split_by_tier(
    quantity: Decimal, used_before: Decimal, tiers: tuple[Tier, ...]
) -> Iterator[tuple[int, Decimal]]:
    """Split a quantity by tier, given the quantity that the month had used before it."""
    if len(tiers) == 1:
        yield 0, quantity
        return
    end = used_before + quantity
    for number, tier in enumerate(tiers):
        limit = tiers[number + 1].above if number + 1 < len(tiers) else end
        part = min(end, limit) - max(used_before, tier.above)
        if part > 0:
            yield number, part


def compute_lines(
    owner_id: int,
    terms: Terms,
    span: HourRange,
    uses: Iterable[HourUsage],
    stored: Mapping[UsageKey, int],
    used_before: Mapping[str, Decimal],
) -> Iterator[ChargeLine]:
    """Compute the charges of an owner's hours.

    `uses` is the usage of these hours, in order. `stored` is the bytes stored before the first hour, and
    `used_before` the quantity of each meter used earlier in the month.
    """
    return _HourlyCharges(owner_id, terms, span, stored, used_before).lines(uses)


def merge_stored_by_day(lines: Iterable[ChargeLine], until: datetime) -> Iterator[ChargeLine]:
    """Merge the stored data of each day before `until` into one line per key, tier and price.

    Stored data is charged for each hour, so hourly rows would grow with the number of sources even when none
    of them sends. Quantities and costs are the sums of the hours.
    """
    pending: dict[tuple[object, ...], list[ChargeLine]] = {}
    hour = end = datetime.min.replace(tzinfo=UTC)  # of the previous line, and the end of its day
    for line in lines:
        if line.hour != hour:
            hour = line.hour
            if hour >= end:
                yield from map(_merged, pending.values())
                pending, end = {}, hour.replace(hour=0) + DAY
        if line.meter != STORED or end > until:
            yield line
            continue
        key = (line.source_id, line.kind, line.dialect, line.tier, line.price_id, line.unit_price)
        pending.setdefault(key, []).append(line)
    yield from map(_merged, pending.values())


def _merged(lines: list[ChargeLine]) -> ChargeLine:
    with exactly():
        return lines[0]._replace(
            consumed=sum((line.consumed for line in lines), ZERO),
            quantity=sum((line.quantity for line in lines), ZERO),
            list_cost=sum((line.list_cost for line in lines), ZERO),
            cost=sum((line.cost for line in lines), ZERO),
            hours=sum(line.hours for line in lines),
        )


class _HourlyCharges:
    """The running state while an owner's hours are charged one after another."""

    def __init__(
        self,
        owner_id: int,
        terms: Terms,
        span: HourRange,
        stored: Mapping[UsageKey, int],
        used_before: Mapping[str, Decimal],
    ) -> None:
        self._owner_id = owner_id
        self._terms = terms
        self._span = span
        self._stored = dict(stored)
        self._used_before = dict(used_before)
        self._months: dict[int, Decimal] = {}  # GB-months of an hour, by bytes
        self._factors = {name: meter.consumed_per_unit for name, meter in METERS.items()}
        self._factors[STORED] = Decimal(span.hours_of_month)

    def lines(self, uses: Iterable[HourUsage]) -> Iterator[ChargeLine]:
        hours = groupby(uses, attrgetter("hour"))
        next_hour, rows = next(hours, (None, ()))
        hour = self._span.since
        while hour < self._span.until:
            found: dict[UsageKey, HourUsage] = {}
            if hour == next_hour:
                found = {use.key: use for use in rows}
                next_hour, rows = next(hours, (None, ()))
            with exactly():  # ended before a line is yielded, so that the caller's arithmetic is unaffected
                lines = list(self._hour(hour, found))
            yield from lines
            hour += HOUR

    def _hour(self, hour: datetime, found: dict[UsageKey, HourUsage]) -> Iterator[ChargeLine]:
        rates = self._terms.rates(self._owner_id, hour)
        for key in sorted({*found, *self._stored}) if found else sorted(self._stored):
            use = found.get(key)
            if use:
                for meter, consumed, quantity in _metered(use):
                    wire_bytes = use.wire_bytes - use.free_wire_bytes if meter == INGESTED else 0
                    yield from self._lines(hour, key, meter, rates[meter], consumed, quantity, wire_bytes)
            stored = self._update_stored(key, use)
            if stored > 0:
                consumed = stored / GB
                quantity = self._gb_months(stored, consumed)
                yield from self._lines(hour, key, STORED, rates[STORED], consumed, quantity, 0)

    def _update_stored(self, key: UsageKey, use: HourUsage | None) -> int:
        """Apply an hour's usage, and return the bytes stored at its end."""
        stored = self._stored.get(key, 0)
        if use:
            stored += use.bytes - use.removed_bytes
            if stored:
                self._stored[key] = stored
            else:
                self._stored.pop(key, None)
        return stored

    def _gb_months(self, stored: int, gb: Decimal) -> Decimal:
        found = self._months.get(stored)
        if found is None:
            found = self._months[stored] = quotient(gb, Decimal(self._span.hours_of_month))
        return found

    def _lines(
        self,
        hour: datetime,
        key: UsageKey,
        meter: str,
        rate: Rate,
        consumed: Decimal,
        quantity: Decimal,
        wire_bytes: int,
    ) -> Iterator[ChargeLine]:
        used_before = self._used_before.get(meter, ZERO)
        self._used_before[meter] = used_before + quantity
        parts = list(split_by_tier(quantity, used_before, rate.tiers)) or [(0, quantity)]
        for number, (tier, part) in enumerate(parts):
            is_last = number + 1 == len(parts)
            # The last part takes the rest, so that the parts add up to what was consumed.
            part_consumed = consumed if is_last else part * (self._factors[meter] or 1)
            consumed -= part_consumed
            list_unit_price = rate.tiers[tier].unit_price
            unit_price = list_unit_price * rate.factor
            yield ChargeLine(
                owner_id=self._owner_id,
                hour=hour,
                source_id=key.source_id,
                kind=key.kind,
                dialect=key.dialect,
                meter=meter,
                tier=tier,
                price_id=rate.price_id,
                label="",
                consumed=part_consumed,
                quantity=part,
                list_unit_price=list_unit_price,
                unit_price=unit_price,
                list_cost=part * list_unit_price,
                cost=part * unit_price,
                wire_bytes=wire_bytes if is_last else 0,
            )


def _metered(use: HourUsage) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Yield the meter, consumed quantity and pricing quantity of everything but stored data."""
    events, received = use.events - use.free, use.bytes - use.free_bytes
    for meter, count in ((EVENTS, events), (DUPLICATES, use.duplicates), (REJECTED, use.rejected)):
        if count:
            yield meter, Decimal(count), count / ONE_MILLION
    if received or use.wire_bytes > use.free_wire_bytes:
        yield INGESTED, received / GB, received / GB
