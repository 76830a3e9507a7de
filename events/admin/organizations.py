"""Organizations in the admin, for operators."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from events.admin.audited import AuditedAdmin
from events.admin.base import EmptyState
from events.admin.columns import moment
from events.admin.kept import KeptAdmin
from events.ownership.organization import Organization

CREATED_AT: Any = moment("created_at")


@admin.register(Organization)
class OrganizationAdmin(KeptAdmin, AuditedAdmin):
    """Tenants."""

    audit_noun = "organization"
    audit_fields = ("name", "slug")

    list_display = ("name", "slug", CREATED_AT)
    search_fields = ("name", "slug")
    fields = ("name", "slug", CREATED_AT)
    empty_state = EmptyState("No organizations yet", "An organization holds owners, sources and keys.")

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        """The slug stands in URLs and commands: it is chosen once."""
        return (CREATED_AT, "slug") if obj else (CREATED_AT,)
