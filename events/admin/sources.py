"""Sources in the admin: the applications that sent something. Filing makes them, nobody else."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from events.admin.base import EmptyState, ReadOnly, TallyAdmin
from events.admin.columns import moment
from events.admin.filters import sources_of
from events.admin.scope import scope_of
from events.ownership.source import Source


@admin.register(Source)
class SourceAdmin(ReadOnly, TallyAdmin):
    """Sending applications."""

    list_display = ("name", "organization", moment("first_seen"))
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Name of the source"
    fields = ("name", "organization", "first_seen")
    empty_state = EmptyState(
        "No sources yet", "A source appears here when its first event is filed: nobody has to register it."
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Those that the person's owners have heard from."""
        return sources_of(scope_of(request)).order_by("name")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Members see the sources of their owners."""
        scope = scope_of(request)
        if obj is None:
            return not scope.is_empty
        return scope.is_operator or sources_of(scope).filter(pk=obj.pk).exists()
