"""Owners in the admin: members see theirs, leads keep their settings, operators make them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from events.access import access_of
from events.admin.audited import AuditedAdmin
from events.admin.base import EmptyState, OwnedAdmin
from events.admin.columns import moment
from events.admin.kept import KeptAdmin
from events.admin.linked import linked
from events.ownership import senders
from events.ownership.owner import Owner

# What a lead decides. A quota bounds the team, so it isn't the team's to lift.
OF_LEADS = ("validation", "contact")
CHOSEN_ONCE = ("name", "organization")  # events give the name back as it came
CREATED_AT = moment("created_at")
FIELDS: tuple[Any, ...] = (
    "name",
    "organization",
    "validation",
    "monthly_quota",
    "over_quota",
    "max_waiting_bytes",
    "max_rejected_bytes",
    "contact",
    "key",
    CREATED_AT,
)


@admin.register(Owner)
class OwnerAdmin(KeptAdmin, AuditedAdmin, OwnedAdmin):
    """Teams whose events they are."""

    owner_path = "pk"
    audit_noun = "owner"
    audit_fields = (
        *("name", "organization", "validation", "contact"),
        *("monthly_quota", "over_quota", "max_waiting_bytes", "max_rejected_bytes"),
    )
    list_display = ("name", "organization", "validation", "contact", CREATED_AT)
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Name of the owner"
    empty_state = EmptyState(
        "No owners yet", "An owner is a team: events belong to it, and people are members of it."
    )

    def audit_owner(self, row: Owner) -> Owner:
        """The owner itself."""
        return row

    def get_fields(self, request: HttpRequest, obj: Owner | None = None) -> Any:
        """All of an owner."""
        return linked(request, FIELDS, self._fixed(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Owner | None = None) -> Any:
        """All but what the person decides."""
        return linked(request, self._fixed(request, obj))

    def _fixed(self, request: HttpRequest, obj: Owner | None) -> tuple[Any, ...]:
        if access_of(request).is_operator:
            return ("key", CREATED_AT, *(CHOSEN_ONCE if obj else ()))
        return tuple(name for name in FIELDS if name not in OF_LEADS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads may, of their owner."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.pk))

    def save_model(self, request: HttpRequest, obj: Owner, form: Any, change: bool) -> None:
        """Save, and let this process take the new settings at once, the others within seconds."""
        super().save_model(request, obj, form, change)
        senders.forget()
