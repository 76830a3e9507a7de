"""Price plans, prices, discounts and platform costs in the admin: for operators, and audited."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from events.admin.base import AuditedAdmin, EmptyState
from events.admin.display import time_column
from events.managing.audited import Audited
from reports.cost.plans import Discount, PlanAssignment, PlatformCost, Price, PricePlan, PriceTier
from reports.pages.cost.terms import UNITS, above
from reports.pages.cost.wording import precise

if TYPE_CHECKING:  # unfold has no types. Its classes are restyled subclasses of Django's.
    from django.contrib.admin import StackedInline

    Inline = StackedInline[PriceTier, Price]
else:
    from unfold.admin import StackedInline as Inline


@admin.register(PricePlan)
class PricePlanAdmin(AuditedAdmin):
    """Price plans."""

    audited = Audited("plan", ("name", "currency"))
    list_display = ("name", "currency", time_column("created_at"))
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("name", "currency")
    empty_state = EmptyState(
        "No price plans yet",
        "Without a plan, usage is counted but costs nothing.",
        ("manage.py seed_prices",),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: PricePlan | None = None) -> tuple[str, ...]:
        """Keep the currency of an existing plan."""
        return ("currency",) if obj else ()


@admin.display(description="Unit price", ordering="unit_price")
def amount_of(row: Price | PriceTier) -> str:
    """Return a unit price with its currency and unit, without trailing zeros."""
    price = row.price if isinstance(row, PriceTier) else row
    return f"{precise(price.plan.currency).exact(row.unit_price)} per {UNITS[price.meter]}"


@admin.display(description="Above")
def begins(tier: PriceTier) -> str:
    """Return the lower limit of a tier."""
    return f"{above(tier.price.meter, tier.above)} of an owner's month"


class TierInline(Inline):
    """The tiers of a price."""

    model = PriceTier
    extra = 0

    def get_fields(self, request: HttpRequest, obj: Price | None = None) -> tuple[Any, ...]:
        """Return formatted columns for a price that can't be changed."""
        return (begins, amount_of) if obj and obj.charged_at else ("above", "unit_price")

    def get_readonly_fields(self, request: HttpRequest, obj: Price | None = None) -> tuple[Any, ...]:
        """Return all fields of a price that has been charged."""
        return (begins, amount_of) if obj and obj.charged_at else ()

    def has_view_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Allow whoever may view the price."""
        return self.has_add_permission(request, obj) or self._of_price().has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Allow whoever may change the price."""
        return bool(self._of_price().has_change_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Allow whoever may change the price."""
        return bool(self._of_price().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Allow whoever may change the price."""
        return bool(self._of_price().has_change_permission(request, obj))

    def _of_price(self) -> admin.ModelAdmin[Price]:
        return self.admin_site._registry[Price]


@admin.register(Price)
class PriceAdmin(AuditedAdmin):
    """Prices. One that has been charged is read-only."""

    audited = Audited("price", ("plan", "meter", "sku", "unit_price", "valid_from"))
    list_display = ("sku", "plan", "meter", amount_of, time_column("valid_from"), time_column("charged_at"))
    list_select_related = ("plan",)
    search_fields = ("sku",)
    search_help_text = "SKU"
    inlines = (TierInline,)
    empty_state = EmptyState("No prices yet", "A price says what a unit of a meter costs in a plan.")

    def get_fields(self, request: HttpRequest, obj: Price | None = None) -> tuple[Any, ...]:
        """Return the fields of the form, or formatted columns for a price that has been charged."""
        if obj and obj.charged_at:
            return ("plan", "meter", "sku", amount_of, time_column("valid_from"), time_column("charged_at"))
        return ("plan", "meter", "sku", "unit_price", "valid_from")

    def get_readonly_fields(self, request: HttpRequest, obj: Price | None = None) -> tuple[Any, ...]:
        """Return all fields of a price that has been charged."""
        return self.get_fields(request, obj) if obj and obj.charged_at else ()

    def has_change_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Allow operators, if the price hasn't been charged."""
        return super().has_change_permission(request, obj) and not (obj and obj.charged_at)

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Allow operators, if the price hasn't been charged."""
        return super().has_delete_permission(request, obj) and not (obj and obj.charged_at)


@admin.register(PlanAssignment)
class PlanAssignmentAdmin(AuditedAdmin):
    """Plans in force, by organization and owner."""

    audited = Audited("plan", ("organization", "owner", "plan", "valid_from"), owner=lambda row: row.owner)
    list_display = ("organization", "whose", "plan", time_column("valid_from"))
    list_select_related = ("organization", "owner", "plan")
    fields = ("organization", "owner", "plan", "valid_from")
    empty_state = EmptyState("No plan is in force", "Usage is counted but costs nothing.")

    @admin.display(description="Owner", ordering="owner__name")
    def whose(self, row: PlanAssignment) -> str:
        """Return the owner, or a text for all other owners."""
        return str(row.owner or "all others")


@admin.register(Discount)
class DiscountAdmin(AuditedAdmin):
    """Discounts of owners."""

    audited = Audited(
        "discount", ("owner", "percent", "valid_from", "valid_until"), owner=lambda row: row.owner
    )
    list_display = ("owner", "percent", time_column("valid_from"), time_column("valid_until"))
    list_select_related = ("owner",)
    search_fields = ("owner__name",)
    search_help_text = "Owner"
    fields = ("owner", "percent", "valid_from", "valid_until")
    empty_state = EmptyState("No discounts", "A discount reduces an owner's unit prices by a percentage.")


class PlatformCostForm(forms.ModelForm[PlatformCost]):
    """A form that accepts any day of the month."""

    class Meta:
        model = PlatformCost
        fields = ("organization", "name", "amount", "method", "first_month", "last_month")
        help_texts = {
            "first_month": "Any day of the first month (UTC).",
            "last_month": "Any day of the last month. Empty: no end.",
        }

    def clean_first_month(self) -> date:
        """Return the first day of the month."""
        day: date = self.cleaned_data["first_month"]
        return day.replace(day=1)

    def clean_last_month(self) -> date | None:
        """Return the first day of the month, if there is one."""
        day: date | None = self.cleaned_data["last_month"]
        return day and day.replace(day=1)


@admin.register(PlatformCost)
class PlatformCostAdmin(AuditedAdmin):
    """Platform costs, shared among owners."""

    form = PlatformCostForm
    audited = Audited(
        "platform_cost", ("organization", "name", "amount", "method", "first_month", "last_month")
    )
    list_display = ("name", "bearer", "a_month", "method", "since", "until")
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("organization", "name", "amount", "method", "first_month", "last_month")
    empty_state = EmptyState("No platform costs", "A platform cost is shared among the owners each month.")

    @admin.display(description="Organization", ordering="organization__name")
    def bearer(self, row: PlatformCost) -> str:
        """Return the organization that pays it."""
        return str(row.organization or "each organization, in full")

    @admin.display(description="Amount a month", ordering="amount")
    def a_month(self, row: PlatformCost) -> str:
        """Return the amount."""
        return f"{row.amount:,.2f}"

    @admin.display(description="From", ordering="first_month")
    def since(self, row: PlatformCost) -> str:
        """Return the first month."""
        return f"{row.first_month:%B %Y}"

    @admin.display(description="To", ordering="last_month")
    def until(self, row: PlatformCost) -> str:
        """Return the last month."""
        return f"{row.last_month:%B %Y}" if row.last_month else "further notice"
