"""Price plans, prices, discounts and platform costs in the admin: for operators, and audited."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from events.admin.audited import AuditedAdmin
from events.admin.base import EmptyState
from events.admin.columns import moment
from events.ownership.owner import Owner
from reports.cost.plans import Discount, PlanAssignment, Price, PricePlan, PriceTier
from reports.cost.platform import PlatformCost

if TYPE_CHECKING:  # unfold has no types; its classes are Django's with another look
    from django.contrib.admin import StackedInline

    Inline = StackedInline[PriceTier, Price]
else:
    from unfold.admin import StackedInline as Inline


@admin.register(PricePlan)
class PricePlanAdmin(AuditedAdmin):
    """Lists of prices."""

    audit_noun = "plan"
    audit_fields = ("name", "currency")
    list_display = ("name", "currency", moment("created_at"))
    search_fields = ("name",)
    fields = ("name", "currency")
    empty_state = EmptyState(
        "No price plans yet",
        "Without a plan usage is counted, and costs nothing.",
        ("manage.py seed_prices",),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: PricePlan | None = None) -> Any:
        """What was charged stays in its currency."""
        return ("currency",) if obj else ()


class TierInline(Inline):
    """The tiers of a price."""

    model = PriceTier
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sees the price."""
        return self.has_add_permission(request, obj) or self._of_price().has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the price."""
        return bool(self._of_price().has_change_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the price."""
        return bool(self._of_price().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the price."""
        return bool(self._of_price().has_change_permission(request, obj))

    def _of_price(self) -> Any:
        return self.admin_site._registry[Price]


@admin.register(Price)
class PriceAdmin(AuditedAdmin):
    """What a unit of a meter costs. One that was charged is read, never changed."""

    audit_noun = "price"
    audit_fields = ("plan", "meter", "sku", "unit_price", "valid_from")
    list_display = ("sku", "plan", "meter", "unit_price", moment("valid_from"), moment("charged_at"))
    list_select_related = ("plan",)
    search_fields = ("sku",)
    fields = ("plan", "meter", "sku", "unit_price", "valid_from", "charged_at")
    readonly_fields = ("charged_at",)
    inlines = (TierInline,)
    empty_state = EmptyState("No prices yet", "A price says what a unit of a meter costs, by a plan.")

    def has_change_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Operators, of a price that was not charged."""
        return super().has_change_permission(request, obj) and not (obj and obj.charged_at)

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """Operators, of a price that was not charged."""
        return super().has_delete_permission(request, obj) and not (obj and obj.charged_at)


@admin.register(PlanAssignment)
class PlanAssignmentAdmin(AuditedAdmin):
    """Which plan is in force for whom."""

    audit_noun = "plan"
    audit_fields = ("organization", "owner", "plan", "valid_from")
    list_display = ("organization", "owner", "plan", moment("valid_from"))
    list_select_related = ("organization", "owner", "plan")
    fields = ("organization", "owner", "plan", "valid_from")
    empty_state = EmptyState("No plan is in force", "Usage is counted, and costs nothing.")

    def audit_owner(self, row: PlanAssignment) -> Owner | None:
        """Whose plan it is."""
        return row.owner


@admin.register(Discount)
class DiscountAdmin(AuditedAdmin):
    """What owners pay less."""

    audit_noun = "discount"
    audit_fields = ("owner", "percent", "valid_from", "valid_until")
    list_display = ("owner", "percent", moment("valid_from"), moment("valid_until"))
    list_select_related = ("owner",)
    search_fields = ("owner__name",)
    fields = ("owner", "percent", "valid_from", "valid_until")
    empty_state = EmptyState("No discounts", "A discount takes percents off an owner's unit prices.")

    def audit_owner(self, row: Discount) -> Owner:
        """Whose discount it is."""
        return row.owner


@admin.register(PlatformCost)
class PlatformCostAdmin(AuditedAdmin):
    """What owners share."""

    audit_noun = "platform_cost"
    audit_fields = ("organization", "name", "amount", "method", "first_month", "last_month")
    list_display = ("name", "organization", "amount", "method", "first_month", "last_month")
    list_select_related = ("organization",)
    search_fields = ("name",)
    fields = ("organization", "name", "amount", "method", "first_month", "last_month")
    empty_state = EmptyState("No platform costs", "A platform cost is shared among the owners of a month.")
