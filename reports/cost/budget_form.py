"""The form of a budget, for the admin and the API."""

from datetime import date

from events.managing.audited import Audited
from events.managing.whole import WholeForm
from reports.cost.budgets import Budget

FIELDS = ("owner", "first_month", "amount")
AUDITED = Audited(noun="budget", fields=FIELDS, owner=lambda budget: budget.owner)


class BudgetForm(WholeForm[Budget]):
    """A form that accepts any day of the month."""

    class Meta:
        model = Budget
        fields = FIELDS

    def clean_first_month(self) -> date:
        """Return the first day of the month."""
        day: date = self.cleaned_data["first_month"]
        return day.replace(day=1)
