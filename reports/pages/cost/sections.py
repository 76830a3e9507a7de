"""The charts and tables of the cost pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal

from reports.charts import palette
from reports.charts.numbers import BYTES, SHARE, Number, count
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.cost.meters import METERS
from reports.figures.cost import months as figures
from reports.figures.cost.charges import MonthsCost, Part
from reports.figures.cost.months import YEAR, back
from reports.pages.cost.months import ZONE
from reports.pages.cost.view import View, narrowed, stack
from reports.pages.cost.wording import BY, signed, unit_of
from reports.pages.links import received
from reports.pages.report import Block, Empty
from reports.periods import Granularity, Period, month_of, next_month
from reports.query.relation import Key

EVENTS = count("events")


def blocks(view: View, by: str, months: Block | None) -> Iterator[Block]:
    """Return the sections, the largest query first. `months` is the one of all months."""
    yield _days(view, by)
    if view.found.change is not None:
        yield _why(view)
    if months is not None:
        yield months
    yield _parts(view, by)
    if view.found.causes:
        yield _drop(view)
    if len(view.context.owners) > 1:
        yield _owners(view)
    if view.found.corrections:
        yield _corrections(view)


def _days(view: View, by: str) -> Block:
    found, period = view.found, view.filters.period
    buckets = tuple(
        replace(bucket, href=view.context.links.here(day=f"{bucket.start:%Y-%m-%d}"))
        if bucket.start <= view.context.now
        else bucket
        for bucket in buckets_of(period, Granularity.DAY, view.context.now)
    )
    days = [bucket.start.date() for bucket in buckets]
    hues = view.names.hues(by, [part.keys[0] for part in found.parts])
    series = stack(view.names, by, hues, days, found.days, view.context.now)
    if found.forecast.days:
        beside = tuple(found.forecast.days.get(day) for day in days)
        series.append(Series("expected", beside, palette.REST, is_beside=True))
    sentence = "Click a day to see its hours."
    if found.query.is_narrowed:
        sentence += " Platform costs don't belong to a source or a kind, so they are left out."
    elif found.whole.cost:
        sentence += " Platform costs and corrections belong to a month, so they are left out here."
    chart = TimeChart(
        f"Cost of each day, by {BY[by].lower()}.", period, buckets, tuple(series), unit_of(view.currency)
    )
    return Block("days", f"Days, by {BY[by].lower()}", sentence, chart)


WHY = {
    "volume": "Number of events",
    "size": "Size of events",
    "storage": "Data kept",
    "price": "Prices, tiers, discounts",
    "fixed": "Platform costs",
    "corrections": "Corrections of closed months",
}
TOLD = Decimal("0.001")  # changes from this share on are shown as good or bad


def _why(view: View) -> Block:
    found, changed = view.found, view.found.change
    assert changed is not None
    before = f"{found.query.before:%B}"
    columns = (Column("cause", "Cause"), Column("change", "Change", signed(view.currency)))
    least = abs(changed.whole) * TOLD
    rows = [
        Row(
            (WHY[name], cost),
            tones={"change": "bad" if cost > 0 else "good"} if abs(cost) > least else {},
        )
        for name, cost in changed.causes.items()
    ]
    rows.append(Row((f"In all, from {unit_of(view.currency).short(changed.before)}", changed.whole)))
    days = found.compared_days
    what = (
        f"The first {days} days of both months, which are over"
        if days > 1
        else "The first day of both months"
    )
    sentence = (
        f"{what if days else 'Both complete months'}. The parts add up to the change, to the last digit."
    )
    return Block("why", f"Why it differs from {before}", sentence, table=Table(columns, tuple(rows)))


def _parts(view: View, by: str) -> Block:
    found, money = view.found, unit_of(view.currency)
    columns = (
        Column(by, BY[by]),
        Column("cost", "Cost", money, has_bar=True),
        Column("share", "Share", SHARE),
        Column("before", f"{found.query.before:%B}", money, note="The complete previous month"),
        *(() if by == "meter" else (Column("per_million", "A million events", money),)),
    )
    hues = view.names.hues(by, [part.keys[0] for part in found.parts])
    rows = tuple(
        Row(
            (
                view.names.of(by, part.keys[0]),
                part.cost,
                _share(part, found),
                found.parts_before.get(part.keys, Part(part.keys)).cost,
                *(() if by == "meter" else (part.per_million,)),
            ),
            href=narrowed(view.context, by, part.keys[0]),
            hue=hues.get(part.keys[0], palette.REST),
        )
        for part in found.parts
    )
    return Block("parts", f"By {BY[by].lower()}", table=Table(columns, rows))


def _share(part: Part, found: MonthsCost) -> float | None:
    return float(part.cost / found.whole.cost) if found.whole.cost else None


def _drop(view: View) -> Block:
    """Show the most expensive parts, where dropping events would save most."""
    found, money = view.found, unit_of(view.currency)
    columns = (
        Column("source", "Source"),
        Column("kind", "Kind"),
        Column("cost", "Cost", money, has_bar=True),
        Column("share", "Share", SHARE),
        Column("events", "Events", EVENTS),
        Column("size", "Bytes an event", BYTES),
        Column("rejected", "Rejected", EVENTS),
    )
    rows = tuple(
        Row(
            (
                view.names.of("source", part.keys[0]),
                view.names.of("kind", part.keys[1]),
                part.cost,
                _share(part, found),
                part.events,
                part.bytes_per_event,
                part.rejected,
            ),
            href=view.context.links.here(source=part.keys[0], kind=part.keys[1] or None),
            hrefs={
                "events": received(view.filters, source=part.keys[0], **_kind(part)),
                **({"rejected": f"{view.rejected}?source={part.keys[0]}"} if part.rejected else {}),
            },
        )
        for part in found.causes
    )
    return Block(
        "drop",
        "What could be dropped",
        _saving(view),
        table=Table(columns, rows),
        note="The number of events links to the events received in the month. Rejected events are free.",
    )


def _kind(part: Part) -> dict[str, str]:
    return {"kind": part.keys[1]} if part.keys[1] else {}


def _saving(view: View) -> str:
    """Return a sentence about the largest part, and if its events are large."""
    first, found = view.found.causes[0], view.found
    share = _share(first, found)
    if not share:
        return ""
    source, kind = view.names.of("source", first.keys[0]), view.names.of("kind", first.keys[1])
    said = f"{kind} of {source} is {SHARE.short(share)} of the cost."
    size, usual = first.bytes_per_event, found.whole.bytes_per_event
    if size and usual and size > usual * 2:
        said += f" Its events have {BYTES.short(size)} each, all others mostly {BYTES.short(usual)}."
    return said


def _owners(view: View) -> Block:
    found, money = view.found, unit_of(view.currency)
    columns = (
        Column("owner", "Owner"),
        Column("cost", "Cost", money, has_bar=True),
        Column("share", "Share", SHARE),
        Column("before", f"{found.query.before:%B}", money, note="The complete previous month"),
        Column("per_million", "A million events", money),
        Column("events", "Events", EVENTS),
        Column("gb", "GB", count("GB")),
        Column("saved", "Discount", money),
    )
    rows = tuple(
        Row(
            (
                view.names.of("owner", part.keys[0]),
                part.cost,
                _share(part, found),
                found.owners_before.get(part.keys, Part(part.keys)).cost,
                part.per_million,
                part.events,
                round(part.gb, 3),
                part.list_cost - part.cost,
            ),
            href=view.context.links.here(owner=part.keys[0]),
        )
        for part in found.owners
    )
    return Block("owners", "Owners", table=Table(columns, rows))


def _corrections(view: View) -> Block:
    columns = (
        Column("month", "Of the month"),
        Column("owner", "Owner"),
        Column("meter", "Meter"),
        Column("cost", "Correction", signed(view.currency)),
    )
    rows = tuple(
        Row(
            (
                f"{each.month:%Y-%m}",
                view.names.of("owner", each.owner_id),
                METERS[each.meter].label,
                each.cost,
            )
        )
        for each in view.found.corrections
    )
    return Block(
        "corrections",
        "Corrections",
        "Changes after those months were closed, charged in this one.",
        table=Table(columns, rows),
        empty=Empty("No corrections", "Nothing has changed since the earlier months were closed."),
    )


FEWEST = 4  # months of the axis, so that it is one of months


def block(view: View, known: tuple[date, ...], by: str) -> Block | None:
    """Return the chart of months up to the current or selected one, or None if there is only one.

    `known` are the months that have charges.
    """
    selection, this = view.found.query, month_of(view.context.now.astimezone(UTC).date())
    last = this if selection.month > back(this, YEAR) else selection.month
    first = max(min(known, default=last), back(last, YEAR - 1))
    if first == last:
        return None
    period = Period(min(first, back(last, FEWEST - 1)), next_month(last), ZONE)
    costs = figures.of_months(selection, first, last, by)
    buckets = tuple(
        replace(bucket, href=view.context.links.here(month=f"{bucket.start:%Y-%m}"))
        for bucket in buckets_of(period, Granularity.MONTH, view.context.now)
    )
    months = [bucket.start.date() for bucket in buckets]
    hues = view.names.hues(by, [part.keys[0] for part in view.found.parts])
    series = [
        replace(each, values=_known(each.values, months, first))
        for each in stack(view.names, by, hues, months, costs, view.context.now)
    ]
    if rest := _to_come(view.found, months, costs):
        series.append(rest)
    chart = TimeChart(
        f"Cost of each month, by {BY[by].lower()}.", period, buckets, tuple(series), unit_of(view.currency)
    )
    return Block("months", f"Months, by {BY[by].lower()}", "Click a month to see its days.", chart)


def _known(values: Sequence[Number | None], months: list[date], first: date) -> tuple[Number | None, ...]:
    """Return the values, with None before the first month that has charges."""
    return tuple(value if month >= first else None for value, month in zip(values, months, strict=True))


def _to_come(
    found: MonthsCost, months: list[date], costs: Mapping[date, Mapping[Key, Decimal]]
) -> Series | None:
    """Return what the current month is expected to cost beyond what was charged."""
    month, expected = found.query.month, found.forecast.expected
    if not found.forecast.days or expected is None or month not in months:
        return None
    more = expected - figures.total_of(costs, month)
    values = tuple(more if each == month else None for each in months)
    return Series("still expected", values, palette.REST, is_estimate=True)
