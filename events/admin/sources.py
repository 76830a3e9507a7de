"""Sources in the admin: the applications that sent something. Filing makes them, nobody else."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.admin.base import EmptyState, ReadOnly, TallyAdmin
from events.admin.columns import NOTHING, moment
from events.admin.filters import sources_of
from events.admin.recent import of_sources
from events.admin.scope import scope_of
from events.admin.sparkline import sparkline
from events.ownership.source import Source


@admin.register(Source)
class SourceAdmin(ReadOnly, TallyAdmin):
    """Sending applications."""

    list_display = ("name", "organization", moment("first_seen"), "last_heard", "two_weeks")
    list_select_related = ("organization",)
    search_fields = ("name",)
    search_help_text = "Name of the source"
    fields = ("name", "organization", "first_seen")
    empty_state = EmptyState(
        "No sources yet", "A source appears here when its first event is filed: nobody has to register it."
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with what each of its sources sent: two statements for all of a page."""
        listed = super().get_changelist_instance(request)
        listed.result_list = list(listed.result_list)
        figures = of_sources(scope_of(request), [row.pk for row in listed.result_list], timezone.now())
        for row in listed.result_list:
            row.figures = figures.get(row.pk)
        return listed

    @admin.display(description="Last heard, hour (UTC)")
    def last_heard(self, row: Any) -> str:
        """When it last sent something to the person's owners."""
        return f"{row.figures.last:%Y-%m-%d %H:00}" if row.figures else NOTHING

    @admin.display(description="Events a day, two weeks")
    def two_weeks(self, row: Any) -> str:
        """How much it sent them."""
        return sparkline(row.figures.days, "Events received") if row.figures else NOTHING

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Those that the person's owners have heard from."""
        return sources_of(scope_of(request)).order_by("name")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Members see the sources of their owners."""
        scope = scope_of(request)
        if obj is None:
            return not scope.is_empty
        return scope.is_operator or sources_of(scope).filter(pk=obj.pk).exists()
