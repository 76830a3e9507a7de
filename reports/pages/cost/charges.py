"""Cost: what a month costs, why it costs more than the one before, and what could be dropped."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from decimal import Decimal

from django.urls import reverse

from reports.charts.numbers import BYTES, SHARE, change, count
from reports.cost import budgets
from reports.cost.budgets import BudgetStatus
from reports.figures.cost import charges as figures
from reports.figures.cost import plans
from reports.figures.cost.charges import Known, MonthsCost, Part
from reports.filters import Filters
from reports.pages.cost import day, months, sections, terms
from reports.pages.cost.months import Selection
from reports.pages.cost.view import View
from reports.pages.cost.wording import NOTE, Names, by_control, by_of, compared, signed, unit_of
from reports.pages.links import query
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Control, Empty, Figure, Report, Turn
from reports.pages.words import plural

MUCH = Decimal("0.05")  # a share of the cost that needs attention
MOST_BUDGETS = 3  # budgets that are named
MANY_REJECTED = 0.05  # a share of what came in
# Causes of a higher and a lower cost.
CAUSES = {
    "volume": ("more events", "fewer events"),
    "size": ("larger events", "smaller events"),
    "storage": ("more data stored", "less data stored"),
    "price": ("higher unit prices", "lower unit prices, by tiers or discounts"),
    "fixed": ("higher platform costs", "lower platform costs"),
    "corrections": ("corrections of closed months", "corrections of closed months"),
}


def build(filters: Filters, context: Context) -> Report:
    """Build the report of a month, a day or an hour."""
    selection = months.select(context)
    found = figures.known(selection.month, filters.owners)
    currency = _currency(found, context)
    empty = Report(
        answer=f"Nothing was charged in {selection.month:%B %Y}.",
        controls=tuple(_controls(selection, found, currency, context)),
        errors=selection.errors,
        period=selection.period,
        turns=months.turns(selection, found.months, context.links, context.now),
        note=NOTE,
        empty=_empty(found),
    )
    if not currency:
        return empty
    query = figures.query(filters, selection.month, currency)
    filters = replace(filters, period=selection.period)
    if selection.hour or selection.day:
        return day.fill(empty, selection, query, filters, context)
    of_month = figures.months_cost(query, by_of(context), context.now)
    if context.is_incomplete:
        of_month = replace(of_month, before=Part(()), change=None, parts_before={}, owners_before={})
    return _fill(empty, of_month, found, filters, context)


def _currency(found: Known, context: Context) -> str:
    """Return the selected currency, or the first; empty if nothing was charged."""
    selected = context.first("currency")
    return selected if selected in found.currencies else next(iter(found.currencies), "")


def _controls(selection: Selection, found: Known, currency: str, context: Context) -> Iterator[Control]:
    yield months.control(selection, found.months, context.now)
    yield by_control(context)
    if len(found.currencies) > 1:
        yield Control("currency", "Currency", currency, tuple((each, each) for each in found.currencies))


def _empty(found: Known) -> Empty:
    if found.months:
        return Empty("No charges in this month", "Choose another month.")
    return Empty(
        "Nothing was charged yet",
        "Charges appear within minutes once applications send events. A price plan says what they cost.",
    )


def _fill(empty: Report, found: MonthsCost, known: Known, filters: Filters, context: Context) -> Report:
    currency = str(found.query.only["billing_month__currency"])
    names = Names(context)
    view = View(found, currency, filters, context, names)
    standings = [] if found.query.is_narrowed else _standings(found, filters, currency, context)
    return replace(
        empty,
        answer=_so_far(found, currency) if context.is_incomplete else _answer(found, currency, known),
        figures=tuple(_figures(found, currency, known, context)),
        attention=(*_over(standings, currency, names), *_attention(found, currency, view)),
        turns=(*empty.turns, *_focus(found, context)),
        blocks=(
            *sections.blocks(view, by_of(context), sections.block(view, known.months, by_of(context))),
            *_terms(found, filters, standings, currency, context),
        ),
        empty=None if found.parts or found.corrections else empty.empty,
    )


def _focus(found: MonthsCost, context: Context) -> Iterator[Turn]:
    """Return links to the charges of these owners."""
    owners = context.links.params.get("owner", [])
    params = query({"month": [f"{found.query.month:%Y-%m}"], "owner": owners})
    for form, title in (("csv", "All charges as FOCUS CSV"), ("xlsx", "As XLSX")):
        yield Turn(title, reverse(f"reports:focus-{form}") + params, is_download=True)


def _standings(found: MonthsCost, filters: Filters, currency: str, context: Context) -> list[BudgetStatus]:
    """Return the status of budgets in this currency. A budget without charges has none yet."""
    standings = budgets.budget_statuses(found.query.month, filters.owners, context.now)
    return [each for each in standings if each.currency == currency]


def _over(standings: list[BudgetStatus], currency: str, names: Names) -> Iterator[Attention]:
    """Return alerts about budgets that are exceeded or will be."""
    money = unit_of(currency)
    for each in standings[:MOST_BUDGETS]:
        name, budget = names.of("owner", each.owner_id), money.short(each.amount)
        if each.used >= 1:
            yield Attention(
                f"{name} has used {SHARE.short(each.used)} of its budget of {budget}.", "#budgets"
            )
        elif each.will_exceed:
            expected = money.short(each.forecast.expected)
            yield Attention(f"{name} is expected to need {expected} of a budget of {budget}.", "#budgets")


def _terms(
    found: MonthsCost, filters: Filters, standings: list[BudgetStatus], currency: str, context: Context
) -> Iterator[Block]:
    """Show budgets and the plan in force, which apply to owners, not to sources or kinds."""
    if found.query.is_narrowed:
        return
    names, period = Names(context), filters.period
    yield terms.budgets(standings, currency, names)
    payers = [part.keys[0] for part in found.owners]
    by = plans.in_force(payers, min(period.until, context.now))
    yield terms.prices(
        plans.steps({each.plan_id for each in by}, period.since, period.until), currency, by, names
    )


def _so_far(found: MonthsCost, currency: str) -> str:
    """Return the summary sentence while charges are incomplete, without a forecast."""
    return f"{found.query.month:%B %Y} has cost {unit_of(currency).short(found.forecast.so_far)} so far."


def _answer(found: MonthsCost, currency: str, known: Known) -> str:
    """Return the summary sentence: the cost, the change and its main cause."""
    money, month = unit_of(currency), found.query.month
    expected, so_far = found.forecast.expected, found.forecast.so_far
    if not found.forecast.days:
        state = " and is closed" if known.closed and not known.open else ""
        if expected is None:
            return f"{month:%B %Y} has cost {money.short(so_far)} so far; too little is known for a forecast."
        said = f"{month:%B %Y} cost {money.short(so_far)}{compared(so_far, found.before.cost, month)}{state}"
    else:
        assert expected is not None
        said = (
            f"{month:%B %Y} will cost about {money.short(expected)}"
            f"{compared(expected, found.before.cost, month)}"
        )
    return f"{said}{_why(found, currency)}."


def _why(found: MonthsCost, currency: str) -> str:
    """Return the largest cause of the change; empty if the past days changed in the other direction."""
    if found.change is None or not found.change.whole or found.forecast.expected is None:
        return ""
    if (found.forecast.expected > found.before.cost) != (found.change.whole > 0):
        return ""
    same_way = {
        name: cost
        for name, cost in found.change.causes.items()
        if cost and (cost > 0) == (found.change.whole > 0)
    }
    if not same_way:
        return ""
    name = max(same_way, key=lambda each: abs(same_way[each]))
    more, less = CAUSES[name]
    days = f" in its first {plural(found.compared_days, 'day')}" if found.compared_days else ""
    by = more if found.change.whole > 0 else less
    return f", mostly by {by} ({signed(currency).short(same_way[name])}{days})"


def _figures(found: MonthsCost, currency: str, known: Known, context: Context) -> Iterator[Figure]:
    money, whole, before = unit_of(currency), found.whole, found.before
    # The current day would look too cheap.
    over = sorted(day for day in found.days if day < context.now.astimezone(UTC).date())
    daily = [sum(found.days[day].values()) for day in over]
    if found.forecast.days and not context.is_incomplete:
        yield Figure(
            f"Expected in {found.query.month:%B}",
            found.forecast.expected,
            money,
            change(found.forecast.expected, before.cost or None, more_is="bad"),
            note=_range(found, currency),
        )
    # The current hour is charged too, as far as it has got.
    until = f"until {min(known.charged_until, context.now):%d %b, %H:%M}" if known.charged_until else ""
    if found.forecast.days:
        yield Figure("So far", whole.cost, money, spark=daily, note=until)
    else:
        yield Figure("Cost", whole.cost, money, change(whole.cost, before.cost or None), spark=daily)
    yield Figure(
        "A million events, all in",
        whole.per_million,
        money,
        change(whole.per_million, before.per_million, more_is="bad"),
        note=f"{count('events').short(whole.events)} events",
    )
    yield Figure(
        "An event's size",
        whole.bytes_per_event,
        BYTES,
        change(whole.bytes_per_event, before.bytes_per_event, more_is="bad"),
        note=f"{float(whole.gb):,.3g} GB in all",
    )


def _range(found: MonthsCost, currency: str) -> str:
    """Return the range of the forecast, and the past errors that it is based on."""
    lowest, highest, money = found.lowest, found.highest, unit_of(currency)
    if lowest is None or highest is None:
        return "no complete earlier month to measure it by"
    return f"{money.short(lowest)} to {money.short(highest)}, by months before"


def _attention(found: MonthsCost, currency: str, view: View) -> Iterator[Attention]:
    """Return alerts about costs that can't be explained or could be lower."""
    money, whole = unit_of(currency), found.whole
    names = {name: key for key, name in view.context.sources.items()}
    for name, cost, why in (
        ("(unknown)", found.unknown, "comes from events that name no source"),
        ("(overflow)", found.overflow, "comes from sources beyond the organization's limit"),
    ):
        if whole.cost and cost / whole.cost > MUCH:
            href = view.context.links.here(source=names[name]) if name in names else ""
            yield Attention(f"{money.short(cost)} {why}: {name}.", href)
    came = whole.events + whole.rejected
    if came and whole.rejected / came > MANY_REJECTED:
        share = SHARE.short(whole.rejected / came)
        yield Attention(
            f"{share} of received events were rejected. They cost nothing, and aren't in any report.",
            view.rejected,
            "See why",
        )
    if whole.corrections:
        yield Attention(
            f"{signed(currency).short(whole.corrections)} of it are corrections of closed months.",
            "#corrections",
            "See them",
        )


PAGE = Page(
    "cost",
    "Cost",
    "payments",
    build,
    group="Cost",
    filters=("owner", "source", "kind"),
    own=("month", "day", "hour", "by", "currency"),
)
