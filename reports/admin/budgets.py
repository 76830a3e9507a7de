"""Budgets in the admin: leads set those of their owners, members see them."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from events.access import access_of
from events.admin.base import AuditedAdmin, EmptyState, OwnedAdmin
from events.lib.fields import AnyField
from reports.cost.budget_form import AUDITED, FIELDS, BudgetForm
from reports.cost.budgets import Budget


@admin.register(Budget)
class BudgetAdmin(AuditedAdmin, OwnedAdmin):
    """Monthly budgets of owners."""

    form = BudgetForm
    fields = FIELDS
    audited = AUDITED
    list_display = ("owner", "a_month", "since")
    list_select_related = ("owner",)
    search_fields = ("owner__name",)
    search_help_text = "Owner"
    empty_state = EmptyState(
        "No budgets yet",
        "A budget is the amount that an owner plans to spend per month. Leads get a mail when 50, 80 and"
        " 100 % "
        "of it are used, and when it is expected to be exceeded. Leads and operators add one here.",
    )

    @admin.display(description="Amount a month", ordering="amount")
    def a_month(self, row: Budget) -> str:
        """Return the amount."""
        return f"{row.amount:,.2f}" if row.amount else "none from that month on"

    @admin.display(description="From", ordering="first_month")
    def since(self, row: Budget) -> str:
        """Return the first month."""
        return f"{row.first_month:%B %Y}"

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer only owners that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow leads, for their owners."""
        return access_of(request).leads_any

    def has_change_permission(self, request: HttpRequest, obj: Budget | None = None) -> bool:
        """Allow leads of its owner."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.owner_id))

    def has_delete_permission(self, request: HttpRequest, obj: Budget | None = None) -> bool:
        """Allow leads of its owner."""
        return self.has_change_permission(request, obj)
