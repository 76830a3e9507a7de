"""The audit trail in the admin: operators see all of it, leads what was done to their owners."""

from collections.abc import Iterable

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from events.access import access_of, labels_of
from events.accounts.audit import ACTIONS, AuditEntry
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import NOTHING, Page, group, time_column
from events.admin.filters import ChoiceFilter
from events.admin.lists import KeysetAdmin


class ActionFilter(ChoiceFilter):
    """Filter by action."""

    title = "action"
    parameter_name = "action"
    column = "action"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return all actions."""
        return sorted(((name, said.rstrip(":")) for name, said in ACTIONS.items()), key=lambda each: each[1])


class LedOwnerFilter(ChoiceFilter):
    """Filter by the owners that the person leads."""

    title = "owner"
    parameter_name = "owner"
    column = "owner_id"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the owners that the person leads."""
        owners = list(access_of(request).led.select_related("organization"))
        return [(str(owner.pk), label) for owner, label in zip(owners, labels_of(owners), strict=True)]


@admin.register(AuditEntry)
class AuditEntryAdmin(PageAdmin, KeysetAdmin):
    """The audit trail: operators see all of it, leads what concerns their owners. It can't be changed."""

    list_display = (time_column("at", "When (UTC)"), "who", "did", "what", "whose")
    list_filter = (LedOwnerFilter, ActionFilter)
    empty_state = EmptyState(
        "No entries yet", "Logins and changes of keys, members and settings appear here."
    )

    @admin.display(description="Who")
    def who(self, row: AuditEntry) -> str:
        """Return the actor's name at that time."""
        return row.actor_name

    @admin.display(description="Did")
    def did(self, row: AuditEntry) -> str:
        """Return the action in words."""
        return ACTIONS.get(row.action, row.action).rstrip(":")

    @admin.display(description="What")
    def what(self, row: AuditEntry) -> str:
        """Return the name of the object."""
        return row.about or NOTHING

    @admin.display(description="Of owner")
    def whose(self, row: AuditEntry) -> str:
        """Return the owner's name at that time."""
        return row.owner_name or NOTHING

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[models.Model]:
        """Return the entries that concern owners the person leads."""
        access = access_of(request)
        rows: models.QuerySet[models.Model] = super().get_queryset(request)
        return rows if access.is_operator else rows.filter(owner_id__in=access.led.values("pk"))

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """True for leads; for an entry, only for leads of its owner."""
        access = access_of(request)
        if obj is None:
            return access.leads_any
        return access.is_operator or (obj.owner_id is not None and access.leads(obj.owner_id))

    def page(self, request: HttpRequest, row: AuditEntry) -> Page:
        """Build the page of an entry."""
        said = ACTIONS.get(row.action, row.action)
        return Page(
            sentence=f"{row.actor_name} {said} {row.about}".rstrip() + ".",
            groups=(
                group("What", row, ("action", "about_type", "about_id", "about", "owner_name")),
                group("Who", row, ("actor_name", "address_hash")),
                group("When", row, ("at",)),
                group("Change", row, ("before", "after")),
            ),
        )
