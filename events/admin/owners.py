"""Owners and organizations in the admin, and the choices of owners and sources in forms."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Field, Model
from django.http import HttpRequest

from events.access import access_of
from events.admin.base import AuditedAdmin, EmptyState, Form, OwnedAdmin, ProtectedAdmin, linked_fields
from events.admin.display import time_column
from events.managing.audited import Audited
from events.managing.owners import AUDITED, CHOSEN_ONCE, OF_LEADS
from events.ownership import senders
from events.ownership.owner import Organization, Owner
from events.ownership.source import Source

CREATED_AT = time_column("created_at")
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
class OwnerAdmin(ProtectedAdmin, AuditedAdmin, OwnedAdmin):
    """Owners: members see theirs, leads change its settings, operators create them."""

    owner_path = "pk"
    audited = AUDITED
    list_display = ("name", "organization", "validation", "contact", CREATED_AT)
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Name of the owner"
    empty_state = EmptyState(
        "No owners yet", "An owner is a team: events belong to it, and people are members of it."
    )

    def get_fields(self, request: HttpRequest, obj: Owner | None = None) -> tuple[Any, ...]:
        """Return all fields."""
        return linked_fields(request, FIELDS, self._fixed(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Owner | None = None) -> tuple[Any, ...]:
        """Return the fields that the person can't change."""
        return linked_fields(request, self._fixed(request, obj))

    def _fixed(self, request: HttpRequest, obj: Owner | None) -> tuple[object, ...]:
        if access_of(request).is_operator:
            return ("key", CREATED_AT, *(CHOSEN_ONCE if obj else ()))
        return tuple(name for name in FIELDS if name not in OF_LEADS)

    def has_change_permission(self, request: HttpRequest, obj: Owner | None = None) -> bool:
        """True for leads of the owner."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.pk))

    def save_model(self, request: HttpRequest, obj: Owner, form: Form, change: bool) -> None:
        """Save. This process uses the new settings at once, others within seconds."""
        super().save_model(request, obj, form, change)
        senders.forget()


ORGANIZATION_CREATED_AT: Any = time_column("created_at")


@admin.register(Organization)
class OrganizationAdmin(ProtectedAdmin, AuditedAdmin):
    """Organizations, for operators."""

    audited = Audited("organization", ("name", "slug"))

    list_display = ("name", "slug", ORGANIZATION_CREATED_AT)
    search_fields = ("name", "slug")
    fields = ("name", "slug", ORGANIZATION_CREATED_AT)
    empty_state = EmptyState("No organizations yet", "An organization holds owners, sources and keys.")

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[Any, ...]:
        """Return the read-only fields. URLs and commands contain the slug, so it can't be changed."""
        return (ORGANIZATION_CREATED_AT, "slug") if obj else (ORGANIZATION_CREATED_AT,)


class Autocomplete(AutocompleteJsonView):
    """Choices of a field that refers to another table."""

    def process_request(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the requested field. Relations seen from the other end aren't fields of a form."""
        if "\x00" in request.GET.get("term", ""):
            raise BadRequest("A search can't contain NUL.")
        found = super().process_request(request)
        _, _, field, _ = found
        if not isinstance(field, Field):
            raise PermissionDenied
        return found

    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        """Return a choice with the label of lists."""
        found: dict[str, str] = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Owner | Source):
            found["text"] = access_of(self.request).label(obj)
        return found
