"""Sections of terms: the prices of plans, and the status of budgets."""

from collections.abc import Sequence
from decimal import Decimal

from django.urls import reverse

from reports.charts.numbers import SHARE
from reports.charts.table import Column, Row, Table
from reports.cost.budgets import BudgetStatus
from reports.cost.meters import EVENTS, METERS, ONE_MILLION
from reports.figures.cost.plans import InForce, Step
from reports.pages.cost.wording import Names, precise, unit_of
from reports.pages.report import Block, Empty

# Pricing units, for use inside a sentence.
UNITS = {"events": "million events", "ingested": "GB", "stored": "GB stored for a month"}
SHOWN_OWNERS = 3


def prices(
    steps: Sequence[Step], currency: str, by: Sequence[InForce] = (), names: Names | None = None
) -> Block:
    """Show the prices of plans; with `by`, also who pays them."""
    payers = {plan: _payers([each for each in by if each.plan_id == plan], names) for plan in _plans(by)}
    columns = (
        Column("meter", "Meter"),
        Column("above", "Above, per month"),
        Column("price", "Price", precise(currency)),
        Column("unit", "Per"),
        Column("since", "Since (UTC)"),
        Column("plan", "Plan"),
        *((Column("owners", "For", is_prose=True),) if by else ()),
    )
    rows = tuple(
        Row(
            (
                METERS[step.meter].label,
                above(step.meter, step.above),
                step.unit_price,
                UNITS[step.meter],
                step.valid_from,
                step.plan,
                *((payers.get(step.plan_id, ""),) if by else ()),
            )
        )
        for step in steps
    )
    return Block(
        "plan",
        "The plan in force" if by else "The plan's prices",
        "Tiers are graduated: each price applies only to the part of an owner's monthly usage above its"
        " threshold.",
        table=Table(columns, rows),
        empty=Empty("No plan is in force", "Without a plan, usage costs nothing. Operators create plans."),
    )


def _plans(by: Sequence[InForce]) -> list[int]:
    return list(dict.fromkeys(each.plan_id for each in by))


def _payers(payers: list[InForce], names: Names | None) -> str:
    """Return who pays by a plan, with their discounts; if there are many, only how many."""
    if names is None or len(payers) > SHOWN_OWNERS:
        return f"{len(payers)} owners"
    return ", ".join(f"{names.of('owner', each.owner_id)}{_discount(each.percent)}" for each in payers)


def _discount(percent: Decimal) -> str:
    return f" ({percent.normalize():f} % off)" if percent else ""


def above(meter: str, amount: Decimal) -> str:
    """Return the lower limit of a tier, in units that people count in."""
    if meter == EVENTS:
        return f"{(amount * ONE_MILLION).normalize():,f} events"
    return f"{amount.normalize():,f} GB"


def budgets(standings: Sequence[BudgetStatus], currency: str, names: Names) -> Block:
    """Show the status of budgets, the most used first."""
    money = unit_of(currency)
    columns = (
        Column("owner", "Owner"),
        Column("budget", "Budget", money),
        Column("cost", "So far", money),
        Column("used", "Used", SHARE, has_bar=True),
        Column("expected", "Expected", money, is_estimate=True),
        Column(
            "will_use",
            "Of the budget",
            SHARE,
            is_estimate=True,
            note="Expected at the end of the month",
        ),
    )
    rows = tuple(
        Row(
            (
                names.of("owner", each.owner_id),
                each.amount,
                each.forecast.so_far,
                float(each.used),
                each.forecast.expected,
                None if each.expected_use is None else float(each.expected_use),
            ),
            tones=_tones(each),
        )
        for each in standings
    )
    return Block(
        "budgets",
        "Budgets",
        "Leads get a mail when 50, 80 and 100 % are used, and when a budget is expected to be exceeded."
        if rows
        else "",
        table=Table(columns, rows),
        empty=Empty(
            "No budget in this month",
            "A budget is the amount that an owner plans to spend per month. Leads set it.",
            reverse("admin:cost_budget_changelist"),
            "To the budgets",
        ),
    )


def _tones(each: BudgetStatus) -> dict[str, str]:
    if each.used >= 1:
        return {"used": "bad", "will_use": "bad"}
    return {"will_use": "bad"} if each.will_exceed else {}
