"""Charging: from counted usage and terms to charges. Pure: the same usage makes the same charges.

Order and tiers. An owner's usage is charged hour by hour; in an hour by source, kind and dialect. Each meter
has its own cumulative quantity of the month, over all sources, kinds and dialects of the owner. The part of
it that lies between two tiers costs what the lower one says (graduated); the tiers are those of the price in
force at the hour, and the cumulative quantity goes on where a price or a plan changes in mid-month.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from reports.cost.charges import DAY, HOUR
from reports.cost.charging.terms import Rate, Terms, Tier
from reports.cost.charging.usage import Key, Use
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


class Line(NamedTuple):
    """A charge before it is stored."""

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
    hours: int = 1  # from `hour` on, that it is of: of stored data a day's, of everything else one


class Span(NamedTuple):
    """The hours to charge, of one month."""

    since: datetime
    until: datetime
    hours_of_month: int


def split(quantity: Decimal, already: Decimal, tiers: tuple[Tier, ...]) -> Iterator[tuple[int, Decimal]]:
    """The parts of a quantity by tier, where the month has had `already` before it."""
    if len(tiers) == 1:
        yield 0, quantity
        return
    end = already + quantity
    for number, tier in enumerate(tiers):
        limit = tiers[number + 1].above if number + 1 < len(tiers) else end
        part = min(end, limit) - max(already, tier.above)
        if part > 0:
            yield number, part


def charge(
    owner_id: int,
    terms: Terms,
    span: Span,
    uses: Iterable[Use],
    kept: Mapping[Key, int],
    already: Mapping[str, Decimal],
) -> Iterator[Line]:
    """The charges of an owner's hours.

    `uses` are of these hours, in their order; `kept` and `already` are what the owner kept and, of each
    meter, had used in the month before the first of them.
    """
    return _Charging(owner_id, terms, span, kept, already).lines(uses)


def by_day(lines: Iterable[Line], until: datetime) -> Iterator[Line]:
    """Merge the stored data of each day before `until` into one line for each key, tier and price.

    Stored data is charged for every hour of everything ever stored, so hourly rows would grow with the number
    of sources, whether or not they send. Quantities and costs are the sums of the hours.
    """
    pending: dict[tuple[object, ...], list[Line]] = {}
    hour = end = datetime.min.replace(tzinfo=UTC)  # of the line before, and of its day
    for line in lines:
        if line.hour != hour:
            hour = line.hour
            if hour >= end:
                yield from map(_together, pending.values())
                pending, end = {}, hour.replace(hour=0) + DAY
        if line.meter != STORED or end > until:
            yield line
            continue
        key = (line.source_id, line.kind, line.dialect, line.tier, line.price_id, line.unit_price)
        pending.setdefault(key, []).append(line)
    yield from map(_together, pending.values())


def _together(lines: list[Line]) -> Line:
    with exactly():
        return lines[0]._replace(
            consumed=sum((line.consumed for line in lines), ZERO),
            quantity=sum((line.quantity for line in lines), ZERO),
            list_cost=sum((line.list_cost for line in lines), ZERO),
            cost=sum((line.cost for line in lines), ZERO),
            hours=sum(line.hours for line in lines),
        )


class _Charging:
    """What changes while hours are charged one after the other."""

    def __init__(
        self,
        owner_id: int,
        terms: Terms,
        span: Span,
        kept: Mapping[Key, int],
        already: Mapping[str, Decimal],
    ) -> None:
        self._owner_id = owner_id
        self._terms = terms
        self._span = span
        self._kept = dict(kept)
        self._already = dict(already)
        self._months: dict[int, Decimal] = {}  # of bytes, the GB-months of an hour
        self._factors = {name: meter.consumed_per_unit for name, meter in METERS.items()}
        self._factors[STORED] = Decimal(span.hours_of_month)

    def lines(self, uses: Iterable[Use]) -> Iterator[Line]:
        hours = groupby(uses, attrgetter("hour"))
        next_hour, rows = next(hours, (None, ()))
        hour = self._span.since
        while hour < self._span.until:
            found: dict[Key, Use] = {}
            if hour == next_hour:
                found = {use.key: use for use in rows}
                next_hour, rows = next(hours, (None, ()))
            with exactly():  # and not while a line is out: the reader's arithmetic is its own
                lines = list(self._hour(hour, found))
            yield from lines
            hour += HOUR

    def _hour(self, hour: datetime, found: dict[Key, Use]) -> Iterator[Line]:
        rates = self._terms.rates(self._owner_id, hour)
        for key in sorted({*found, *self._kept}) if found else sorted(self._kept):
            use = found.get(key)
            if use:
                for meter, consumed, quantity in _counted(use):
                    wire_bytes = use.wire_bytes if meter == INGESTED else 0
                    yield from self._lines(hour, key, meter, rates[meter], consumed, quantity, wire_bytes)
            kept = self._keep(key, use)
            if kept > 0:
                consumed = kept / GB
                quantity = self._gb_months(kept, consumed)
                yield from self._lines(hour, key, STORED, rates[STORED], consumed, quantity, 0)

    def _keep(self, key: Key, use: Use | None) -> int:
        """Bytes that are kept for the hour."""
        kept = self._kept.get(key, 0)
        if use:
            kept += use.bytes - use.removed_bytes
            if kept:
                self._kept[key] = kept
            else:
                self._kept.pop(key, None)
        return kept

    def _gb_months(self, kept: int, gb: Decimal) -> Decimal:
        found = self._months.get(kept)
        if found is None:
            found = self._months[kept] = quotient(gb, Decimal(self._span.hours_of_month))
        return found

    def _lines(
        self,
        hour: datetime,
        key: Key,
        meter: str,
        rate: Rate,
        consumed: Decimal,
        quantity: Decimal,
        wire_bytes: int,
    ) -> Iterator[Line]:
        already = self._already.get(meter, ZERO)
        self._already[meter] = already + quantity
        parts = list(split(quantity, already, rate.tiers)) or [(0, quantity)]
        for number, (tier, part) in enumerate(parts):
            is_last = number + 1 == len(parts)
            # The last one takes the rest, so that the parts sum to what was consumed.
            part_consumed = consumed if is_last else part * (self._factors[meter] or 1)
            consumed -= part_consumed
            list_unit_price = rate.tiers[tier].unit_price
            unit_price = list_unit_price * rate.factor
            yield Line(
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


def _counted(use: Use) -> Iterator[tuple[str, Decimal, Decimal]]:
    """What was counted of each meter but the stored one: consumed, and in pricing units."""
    for meter, count in ((EVENTS, use.events), (DUPLICATES, use.duplicates), (REJECTED, use.rejected)):
        if count:
            yield meter, Decimal(count), count / ONE_MILLION
    if use.bytes or use.wire_bytes:
        yield INGESTED, use.bytes / GB, use.bytes / GB
