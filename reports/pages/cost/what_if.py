"""What-if: a month of an organization under another plan, next to what was charged."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from events.ownership.owner import Organization
from reports.charts import palette
from reports.charts.bar_chart import Bar, BarChart
from reports.charts.numbers import change
from reports.charts.table import Column, Row, Table
from reports.cost.analysis.what_if import PlanCost, what_if
from reports.cost.charges import month_start
from reports.cost.meters import METERS
from reports.cost.numbers import sum_of
from reports.cost.plans import PricePlan
from reports.figures.cost import charges as figures
from reports.figures.cost import plans
from reports.filters import Filters
from reports.pages.cost import months, terms
from reports.pages.cost.months import Selection
from reports.pages.cost.wording import Names, signed, unit_of
from reports.pages.page import Context, Page
from reports.pages.report import Block, Control, Empty, Figure, Report

NOTE = (
    "Computed from the charged quantities, and not stored. Discounts stay as they are; "
    "platform costs and corrections don't depend on plans and are left out. All times are UTC."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The selected organization, month and plan, and the available ones."""

    homes: tuple[Organization, ...]
    home: Organization | None
    owners: tuple[int, ...]  # the selected owners of that organization
    months: tuple[date, ...]
    currency: str
    offered: tuple[PricePlan, ...]
    plan: PricePlan | None


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    selection = months.select(context)
    choice = _choose(selection, filters, context)
    empty = Report(
        answer=f"Nothing was charged in {selection.month:%B %Y}.",
        controls=tuple(_controls(selection, choice, context)),
        errors=selection.errors,
        period=selection.period,
        turns=months.turns(selection, choice.months, context.links, context.now),
        note=NOTE,
        empty=_empty(choice),
    )
    if choice.home is None or choice.plan is None:
        return empty
    found = what_if(choice.home, selection.month, choice.plan, choice.owners)
    return _fill(empty, found, choice.plan, selection, context) if found else empty


def _choose(selection: Selection, filters: Filters, context: Context) -> Choice:
    seen = tuple(context.owners) if filters.owners is None else filters.owners
    homes = tuple(Organization.objects.filter(owners__in=seen).distinct().order_by("name"))
    wanted = context.first("organization")
    home = next((each for each in homes if str(each.pk) == wanted), homes[0] if homes else None)
    if home is None:
        return Choice((), None, (), (), "", (), None)
    owners = tuple(home.owners.filter(pk__in=seen).values_list("pk", flat=True))
    known = figures.known(selection.month, owners)
    currency = next(iter(known.currencies), "")
    offered = tuple(plans.offered(home.pk, currency, tuple(context.owners), all_plans=context.sees_all))
    current = {each.plan_id for each in plans.in_force(owners, month_start(selection.month))}
    wanted = context.first("plan")
    usual = next((each for each in offered if each.pk not in current), offered[0] if offered else None)
    plan = next((each for each in offered if str(each.pk) == wanted), usual)
    return Choice(homes, home, owners, known.months, currency, offered, plan)


def _controls(selection: Selection, choice: Choice, context: Context) -> Iterator[Control]:
    yield months.control(selection, choice.months, context.now)
    if len(choice.homes) > 1 and choice.home:
        options = tuple((str(each.pk), each.name) for each in choice.homes)
        yield Control("organization", "Organization", str(choice.home.pk), options)
    if choice.plan:
        options = tuple((str(each.pk), each.name) for each in choice.offered)
        yield Control("plan", "Under the plan", str(choice.plan.pk), options)


def _empty(choice: Choice) -> Empty:
    if not choice.offered:
        return Empty(
            "There is no plan to compare with",
            "You can compare with plans that your organization has, had or will have. Operators create"
            " plans.",
        )
    return Empty("No charges in this month", "Choose another month.")


def _fill(
    empty: Report, found: list[PlanCost], plan: PricePlan, selection: Selection, context: Context
) -> Report:
    money, differs = unit_of(plan.currency), signed(plan.currency)
    charged = sum_of(each.cost for each in found)
    supposed = sum_of(each.simulated for each in found)
    difference = sum_of((supposed, -charged))
    so_far = " so far" if selection.period.until > context.now else ""
    words = change(supposed, charged)
    compared = f", {words.than} was charged" if words and difference else ", as much as was charged"
    if not charged and supposed:
        compared = ", and nothing was charged"
    return replace(
        empty,
        answer=f"Under {plan.name}, usage of {selection.month:%B %Y} would cost"
        f" {money.short(supposed)}{so_far}{compared}.",
        figures=(
            Figure("As charged", charged, money, note="usage, after discounts"),
            Figure(f"Under {plan.name}", supposed, money, change(supposed, charged, more_is="bad")),
            Figure("Difference", difference, differs),
        ),
        blocks=(
            _meters(found, plan, context),
            _owners(found, plan, context),
            terms.prices(
                plans.steps([plan.pk], selection.period.since, selection.period.until), plan.currency
            ),
        ),
        empty=None,
    )


def _meters(found: list[PlanCost], plan: PricePlan, context: Context) -> Block:
    names = Names(context)
    hues = palette.of_names([*METERS])
    bars = [
        Bar(
            names.of("meter", meter),
            sum_of(each.simulated for each in found if each.meter == meter),
            hues[meter],
            before=sum_of(each.cost for each in found if each.meter == meter),
        )
        for meter in METERS
        if any(each.meter == meter for each in found)
    ]
    sentence = f"Each meter under {plan.name}. The mark shows the actual charge."
    chart = BarChart(sentence, tuple(bars), unit_of(plan.currency), "Meter")
    return Block("meters", "By meter", sentence, chart)


def _owners(found: list[PlanCost], plan: PricePlan, context: Context) -> Block:
    money, names = unit_of(plan.currency), Names(context)
    columns = (
        Column("owner", "Owner"),
        Column("charged", "As charged", money, has_bar=True),
        Column("supposed", f"Under {plan.name}", money, has_bar=True),
        Column("difference", "Difference", signed(plan.currency)),
    )
    rows = []
    for owner_id in dict.fromkeys(each.owner_id for each in found):
        charged = sum_of(each.cost for each in found if each.owner_id == owner_id)
        supposed = sum_of(each.simulated for each in found if each.owner_id == owner_id)
        difference = sum_of((supposed, -charged))
        tones = {"difference": "bad" if difference > 0 else "good"} if difference else {}
        rows.append(Row((names.of("owner", owner_id), charged, supposed, difference), tones=tones))
    rows.sort(key=lambda row: -row.cells[1])
    return Block("owners", "By owner", table=Table(columns, tuple(rows)))


PAGE = Page(
    "what-if",
    "What if",
    "rule",
    build,
    group="Cost",
    filters=("owner",),
    own=("month", "plan", "organization"),
)
