"""Sources in the admin: the applications that sent something. Filing makes them, nobody else."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from events.access import access_of
from events.admin import source_acts
from events.admin.base import EmptyState
from events.admin.columns import NOTHING
from events.admin.facts import Page
from events.admin.filters import sources_of, visible_sources
from events.admin.pages import PageAdmin
from events.admin.recent import of_sources, versions_of
from events.admin.source_page import view
from events.admin.sparkline import sparkline
from events.ownership.source import Source
from events.words import cut


@admin.register(Source)
class SourceAdmin(PageAdmin):
    """Sending applications."""

    page_template = "admin/source_page.html"
    list_display = (
        "name",
        "leads_to",
        "organization",
        "versions",
        "first_heard",
        "last_heard",
        "two_weeks",
    )
    list_select_related = ("organization", "merged_into")
    actions: Any = (source_acts.merge_chosen, source_acts.delete_chosen)
    search_fields = ("name",)
    search_help_text = "Name of the source"
    empty_state = EmptyState(
        "No sources yet", "A source appears here when its first event is filed: nobody has to register it."
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with what each of its sources sent: three statements for all of a page."""
        listed = super().get_changelist_instance(request)
        listed.result_list = list(listed.result_list)
        access, keys = access_of(request), [row.pk for row in listed.result_list]
        figures, versions = of_sources(access, keys, timezone.now()), versions_of(access, keys)
        for row in listed.result_list:
            row.figures, row.versions_heard = figures.get(row.pk), versions.get(row.pk, [])
        return listed

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The page, with the way back of a merged source."""
        response: Any = super().changeform_view(request, object_id, *args, **kwargs)
        row = getattr(response, "context_data", {}).get("original")
        if row is not None and row.merged_into_id is not None:
            response.context_data["may_part"] = source_acts.may_change(access_of(request), [row])
        return response

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Leads: what is done to a source is bounded to those that sent to the owners they lead only."""
        return access_of(request).leads_any

    def get_urls(self) -> list[Any]:
        """The pages beside the list."""
        return [
            path("merge/", self.admin_site.admin_view(source_acts.merge_view), name="events_source_merge"),
            path("part/", self.admin_site.admin_view(source_acts.part_view), name="events_source_part"),
            *super().get_urls(),
        ]

    @admin.display(description="Merged into")
    def leads_to(self, row: Source) -> str:
        """The source that its name leads to."""
        return str(row.merged_into) if row.merged_into else NOTHING

    def page(self, request: HttpRequest, row: Source) -> Page:
        """What it sent to the person's owners."""
        return view(row, access_of(request), timezone.now())

    @admin.display(description="Versions")
    def versions(self, row: Any) -> str:
        """The one heard last, and how many others."""
        if not row.versions_heard:
            return NOTHING
        latest, *others = row.versions_heard
        more = f" and {len(others):,} more" if others else ""
        return format_html('<span title="{}">{}{}</span>', latest, cut(latest, 24), more)

    @admin.display(description="First heard, hour (UTC)")
    def first_heard(self, row: Any) -> str:
        """When it first sent something to the person's owners."""
        return _hour(row.figures.first) if row.figures else NOTHING

    @admin.display(description="Last heard, hour (UTC)")
    def last_heard(self, row: Any) -> str:
        """When it last sent something to the person's owners."""
        return _hour(row.figures.last) if row.figures else NOTHING

    @admin.display(description="Events a day, two weeks")
    def two_weeks(self, row: Any) -> str:
        """How much it sent them."""
        return sparkline(row.figures.days, "Events received") if row.figures else NOTHING

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Return the sources of the list."""
        return sources_of(access_of(request)).order_by("name")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Source | None:
        """Return the source of a page, which may also be one that only rejected events name."""
        try:
            return visible_sources(access_of(request)).filter(pk=object_id).first()
        except (ValueError, OverflowError):
            return None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Members see the sources of their owners."""
        access = access_of(request)
        if obj is None:
            return not access.is_empty
        return access.is_operator or visible_sources(access).filter(pk=obj.pk).exists()


def _hour(at: datetime) -> str:
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:00}")
