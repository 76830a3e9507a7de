"""Cost of a day by its hours, and of an hour by its charges."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from reports.charts import palette
from reports.charts.numbers import SHARE, Unit, change, count
from reports.charts.table import Amount, Column, Row, Table
from reports.charts.time_chart import TimeChart, buckets_of
from reports.cost.meters import EVENTS, METERS
from reports.cost.numbers import ZERO
from reports.figures.cost import charges as figures
from reports.figures.cost import hours
from reports.figures.cost.charges import CostQuery, Part
from reports.figures.cost.hours import Charged
from reports.filters import Filters
from reports.pages.cost.months import Selection
from reports.pages.cost.view import narrowed, stack
from reports.pages.cost.wording import BY, Names, by_of, precise, unit_of, used
from reports.pages.links import moment, received
from reports.pages.page import Context
from reports.pages.report import Block, Empty, Figure, Report
from reports.periods import DAY, Granularity
from reports.query.relation import Key, Keys

HOUR = timedelta(hours=1)
PER = "Price of a million events, of a GB, or of a GB stored for a month"
STORED_BY_DAY = "Stored data is charged by the day, so it isn't part of any hour."
NOT_IN_IT = "Platform costs and corrections belong to a month, so they aren't part of any day."


def fill(empty: Report, selection: Selection, query: CostQuery, filters: Filters, context: Context) -> Report:
    """Add the sections of a day or an hour to the report."""
    currency = str(query.only["billing_month__currency"])
    if selection.hour:
        return _hour(empty, selection.hour, query, filters, context, currency)
    return _day(empty, selection, query, filters, context, currency)


def _day(
    empty: Report, selection: Selection, query: CostQuery, filters: Filters, context: Context, currency: str
) -> Report:
    assert selection.day is not None
    by, day, money = by_of(context), selection.day, unit_of(currency)
    parts, before = figures.of_day(query, day, by)
    whole, former = figures.total_of(parts), figures.total_of(before.values())
    hues = Names(context).hues(by, [part.keys[0] for part in parts])
    by_hour = hours.by_hour(query, tuple(context.owners), day, by)
    said = f"{day.day} {day:%B %Y} {'has cost' if day == context.now.date() else 'cost'} {money.short(whole)}"
    differs = None if context.is_incomplete else change(whole, former or None)
    is_running = day == context.now.date()
    if differs and not is_running:
        said += f", {differs.than} the {day:%A} before" if differs.text != "as before" else ""
    return replace(
        empty,
        answer=f"{said}{' so far' if is_running else ''}.",
        figures=(
            Figure("Cost", whole, money, None if is_running else differs),
            Figure("A week before", former, money, href=context.links.here(**_at(day - 7 * DAY))),
            Figure("Events", sum(part.events for part in parts), count("events"), href=received(filters)),
        ),
        blocks=(
            _hours(by_hour, by, hues, filters, context, money),
            _parts(parts, before, by, hues, context, money),
        ),
        note=f"{NOT_IN_IT} {empty.note}",
        empty=None if parts else Empty("Nothing was charged on this day", "Nothing was received or stored."),
    )


def _at(day: date) -> dict[str, str]:
    return {"month": f"{day:%Y-%m}", "day": f"{day:%Y-%m-%d}"}


def _hours(
    hours: Mapping[datetime, Mapping[Key, Decimal]],
    by: str,
    hues: Mapping[Key, int],
    filters: Filters,
    context: Context,
    money: Unit,
) -> Block:
    buckets = tuple(
        replace(bucket, href=context.links.here(hour=f"{bucket.start.astimezone(UTC):%H}"))
        if bucket.start <= context.now
        else bucket
        for bucket in buckets_of(filters.period, Granularity.HOUR, context.now)
    )
    series = stack(Names(context), by, hues, [bucket.start for bucket in buckets], hours, context.now)
    chart = TimeChart(
        f"Cost of each hour, by {BY[by].lower()}.", filters.period, buckets, tuple(series), money
    )
    note = f"Click an hour to see its charges. {STORED_BY_DAY}"
    return Block("hours", f"Hours, by {BY[by].lower()}", note, chart)


def _parts(
    parts: list[Part],
    before: Mapping[Keys, Part],
    by: str,
    hues: Mapping[Key, int],
    context: Context,
    money: Unit,
) -> Block:
    whole = figures.total_of(parts)
    columns = (
        Column(by, BY[by]),
        Column("cost", "Cost", money, has_bar=True),
        Column("share", "Share", SHARE),
        Column("before", "A week before", money),
    )
    rows = tuple(
        Row(
            (
                Names(context).of(by, part.keys[0]),
                part.cost,
                float(part.cost / whole) if whole else None,
                before.get(part.keys, Part(part.keys)).cost,
            ),
            href=narrowed(context, by, part.keys[0]),
            hue=hues.get(part.keys[0], palette.REST),
        )
        for part in parts
    )
    return Block("parts", f"By {BY[by].lower()}", table=Table(columns, rows))


def _hour(
    empty: Report, hour: datetime, query: CostQuery, filters: Filters, context: Context, currency: str
) -> Report:
    charges = hours.of_hour(query, tuple(context.owners), hour)
    whole: Decimal = sum((charge.cost for charge in charges), ZERO)
    money, names = unit_of(currency), Names(context)
    columns = (
        Column("source", "Source"),
        Column("kind", "Kind"),
        Column("meter", "Meter"),
        Column("cost", "Cost", money),
        Column("quantity", "Used", is_amounts=True),
        Column("unit_price", "Unit price", precise(currency), note=PER),
        Column("dialect", "Dialect"),
        Column("owner", "Owner"),
    )
    rows = tuple(
        Row(
            (
                names.of("source", charge.source_id),
                names.of("kind", charge.kind),
                f"{METERS[charge.meter].label}{f', tier {charge.tier + 1}' if charge.tier else ''}",
                charge.cost,
                Amount(charge.consumed, used(METERS[charge.meter].consumed_unit)),
                charge.unit_price,
                names.of("dialect", charge.dialect),
                names.of("owner", charge.owner_id),
            ),
            hrefs={"quantity": _events(hour, charge, filters)} if charge.meter == EVENTS else {},
        )
        for charge in charges
    )
    when = f"{hour.day} {hour:%B %Y, %H:%M} to {hour + HOUR:%H:%M} UTC"
    return replace(
        empty,
        answer=f"{money.short(whole)} were charged for {when}.",
        blocks=(
            Block(
                "charges",
                "Charges of the hour",
                table=Table(columns, rows),
                note="The number of events links to the events received in the hour, including late ones."
                f" {STORED_BY_DAY}",
            ),
        ),
        note=f"{NOT_IN_IT} {empty.note}",
        empty=None
        if rows
        else Empty("Nothing was charged in this hour", f"Nothing was received. {STORED_BY_DAY}"),
    )


def _events(hour: datetime, charge: Charged, filters: Filters) -> str:
    """Return the address of the charged events: those received in the hour, with the charge's keys."""
    assert charge.source_id is not None, "events have a source"
    return received(
        filters,
        received_since=moment(hour),
        received_until=moment(hour + HOUR),
        owner=charge.owner_id,
        source=charge.source_id,
        kind=charge.kind,
        dialect=charge.dialect,
    )
