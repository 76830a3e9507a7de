"""The content of a digest, from the figures that report pages show.

Sending, the preview and "Send one now" all use `compose`.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from events.ownership.owner import Owner
from reports.charts.numbers import SECONDS, count
from reports.digests import attachments, sentences
from reports.digests.chart_image import DARK, LIGHT, Bar, bars
from reports.digests.digest import Chart, Digest, Figure, Link, Table
from reports.digests.facts import Facts, params, read
from reports.digests.models import Subscription
from reports.digests.sentences import notices
from reports.figures.cost.months import Spending
from reports.figures.errors import Group
from reports.figures.overview import Ranked
from reports.mail.text import one_line
from reports.pages.health.error_sections import named
from reports.pages.links import address
from reports.pages.registry import PAGES
from reports.periods import Granularity, Period

SHOWN = 5  # rows of a table
NOT_KNOWN = "-"
CENT = Decimal("0.01")
EVENTS = count("events")
LINKED = ("overview", "sessions", "errors", "cost")  # the PAGES that are useful to every owner


def compose(
    subscription: Subscription, period: Period, owners: Sequence[Owner], now: datetime
) -> Digest | None:
    """Return the digest of a period about owners that the subscriber sees; None if there is nothing to say.

    A silent source is worth a digest: when everything has stopped, no events are received.
    """
    facts = read(period, owners, subscription.written, now)
    if facts.is_empty and not facts.overview.silent and not subscription.also_empty:
        return None
    return digest_of(facts, attach_csv=subscription.attach_csv)


def digest_of(facts: Facts, *, attach_csv: bool = False) -> Digest:
    """Write the digest of some facts."""
    asked = params(facts.filters)
    return Digest(
        summary=sentences.summary(facts),
        period=sentences.period(facts),
        notices=notices(facts),
        figures=_figures(facts),
        charts=_charts(facts),
        tables=tuple(table for table in (_errors(facts), _sources(facts), _pages(facts)) if table.rows),
        links=tuple(Link(page.title, address(page.name, asked)) for page in PAGES if page.name in LINKED),
        files=attachments.files(facts) if attach_csv else (),
        note=sentences.note(facts),
    )


def _figures(facts: Facts) -> tuple[Figure, ...]:
    found, failed = facts.overview, facts.errors
    return (
        _counted(facts, "Events", "events", found.sums, found.before),
        _counted(facts, "Sessions", "sessions", found.sums, found.before),
        _time_spent(facts),
        _counted(facts, "Errors", "errors", failed.sums, failed.before),
        _counted(facts, "Rejected", "rejected", found.sums, found.before),
        *_cost(facts, facts.spending),
        *_budgets(facts, facts.spending),
    )


def _counted(facts: Facts, label: str, name: str, now: object, before: object) -> Figure:
    """Return the figure of the sum of that name."""
    value, former = getattr(now, name), getattr(before, name, None)
    return Figure(
        label, NOT_KNOWN if value is None else facts.written.number(value), _change(facts, value, former)
    )


def _change(facts: Facts, now: float | Decimal | None, before: float | Decimal | None) -> str:
    return "" if now is None or before is None else facts.written.change(now, before)


def _time_spent(facts: Facts) -> Figure:
    now, before = facts.overview.sums.median, facts.overview.before
    return Figure(
        "Median time",
        NOT_KNOWN if now is None else SECONDS.short(now),
        _change(facts, now, before.median if before else None),
    )


def _cost(facts: Facts, found: Spending | None) -> list[Figure]:
    """Return the cost of the period's usage and of the month so far; of a whole month, just that."""
    if found is None:
        return []
    month = f"{found.month:%B}, UTC"
    if found.used is None:
        change = _change(facts, found.so_far, found.month_before)
        return [Figure(f"Cost of {month}", _money(facts, found.so_far, found.currency), change)]
    expected = "" if found.expected is None else f"{_money(facts, found.expected, found.currency)} expected"
    return [
        Figure(
            "Cost of usage",
            _money(facts, found.used, found.currency),
            _change(facts, found.used, found.used_before),
        ),
        Figure(f"Total cost of {month}", _money(facts, found.so_far, found.currency), expected),
    ]


def _budgets(facts: Facts, found: Spending | None) -> list[Figure]:
    """Return how much of the owners' budgets is used in total."""
    if found is None or not found.standings:
        return []
    whole = sum(each.amount for each in found.standings)
    used = sum(each.forecast.so_far for each in found.standings)
    return [
        Figure(
            "Budget used",
            facts.written.percent(float(used / whole) * 100, 1),
            f"of {_money(facts, Decimal(whole), found.currency)}",
        )
    ]


def _money(facts: Facts, value: Decimal, currency: str) -> str:
    """Write an amount to the cent, or with four decimals below one cent."""
    places = 4 if 0 < abs(value) < CENT else 2
    return f"{facts.written.number(value, places)}\N{NO-BREAK SPACE}{currency}"


def _charts(facts: Facts) -> tuple[Chart, ...]:
    counts = facts.overview.events
    if not any(counts):
        return ()
    by_hour = facts.filters.granularity == Granularity.HOUR
    form = "%H" if by_hour else "%a %d" if facts.period.days <= 7 else "%d"
    starts = facts.period.buckets(facts.filters.granularity)
    drawn = [
        Bar(f"{at.astimezone(facts.period.zone):{form}}", number)
        for at, number in zip(starts, counts, strict=True)
    ]
    title = f"Events by {'hour' if by_hour else 'day'}"
    light, dark = (bars(drawn, EVENTS, theme) for theme in (LIGHT, DARK))
    return (Chart(title, light, dark, sentences.picture(facts, title, counts)),)


def _sources(facts: Facts) -> Table:
    rows = [(sentences.source(facts, each.key), each) for each in facts.overview.sources]
    return _ranked(facts, "Sources", "Events", rows, facts.overview.sources_in_all)


def _pages(facts: Facts) -> Table:
    rows = [(one_line(str(each.key)) or sentences.NAMELESS, each) for each in facts.overview.pages]
    return _ranked(facts, "Pages", "Views", rows, len(rows))


def _ranked(facts: Facts, title: str, unit: str, rows: list[tuple[str, Ranked]], of: int) -> Table:
    return Table(
        title,
        (title.removesuffix("s"), unit, "Change"),
        tuple(
            (name, facts.written.number(each.count), _change(facts, each.count, each.before))
            for name, each in rows[:SHOWN]
        ),
        _more(facts, of),
        address("overview", params(facts.filters)),
    )


def _errors(facts: Facts) -> Table:
    return Table(
        "Errors",
        ("Error", "Errors", "Sessions", "Change"),
        tuple(_error(facts, group) for group in facts.errors.groups[:SHOWN]),
        _more(facts, facts.errors.groups_of),
        address("errors", params(facts.filters)),
    )


def _error(facts: Facts, group: Group) -> tuple[str, ...]:
    written = facts.written
    change = "new" if group.is_new(facts.period) else _change(facts, group.errors, group.before)
    return (named(group), written.number(group.errors), written.number(group.sessions), change)


def _more(facts: Facts, of: int) -> str:
    return f"{facts.written.number(of - SHOWN)} more." if of > SHOWN else ""
