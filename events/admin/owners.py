"""Owners in the admin: members see theirs, operators make them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from events.admin.base import EmptyState, OwnedAdmin
from events.admin.columns import moment
from events.ownership.owner import Owner


@admin.register(Owner)
class OwnerAdmin(OwnedAdmin):
    """Teams whose events they are."""

    owner_path = "pk"
    list_display = ("name", "organization", "validation", "contact", moment("created_at"))
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Name of the owner"
    fields = (
        "name",
        "organization",
        "validation",
        "monthly_quota",
        "over_quota",
        "contact",
        "key",
        "created_at",
    )
    empty_state = EmptyState(
        "No owners yet", "An owner is a team: events belong to it, and people are members of it."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Owner | None = None) -> Any:
        """Name and organization are chosen once: events give the name back as it came."""
        fixed = ("key", "created_at")
        return (*fixed, "name", "organization") if obj else fixed
