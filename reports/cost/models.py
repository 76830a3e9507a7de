"""All models of the app, so that Django finds them."""

from reports.cost.budget import Budget, BudgetNotice
from reports.cost.charge import Charge, ChargeDay
from reports.cost.month import BillingMonth, ChargedHour
from reports.cost.plans import Discount, PlanAssignment, Price, PricePlan, PriceTier
from reports.cost.platform import PlatformCost

__all__ = [
    "BillingMonth",
    "Budget",
    "BudgetNotice",
    "Charge",
    "ChargeDay",
    "ChargedHour",
    "Discount",
    "PlanAssignment",
    "PlatformCost",
    "Price",
    "PricePlan",
    "PriceTier",
]
