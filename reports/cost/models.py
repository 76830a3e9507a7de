"""All models of the app, so that Django finds them."""

from reports.cost.budgets import Budget, BudgetNotice
from reports.cost.charges import BillingMonth, Charge, ChargeDay, ChargedHour
from reports.cost.closed_months import ClosedMonth
from reports.cost.plans import Discount, PlanAssignment, PlatformCost, Price, PricePlan, PriceTier

__all__ = [
    "BillingMonth",
    "Budget",
    "BudgetNotice",
    "Charge",
    "ChargeDay",
    "ChargedHour",
    "ClosedMonth",
    "Discount",
    "PlanAssignment",
    "PlatformCost",
    "Price",
    "PricePlan",
    "PriceTier",
]
