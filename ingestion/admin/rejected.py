"""Rejected events in the admin: the groups, the list, and a page for each event."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from events.access import access_of
from events.admin.base import Context, EmptyState, OwnedAdmin, PageAdmin
from events.admin.display import Page, count_column, group, short_text, time_column
from events.admin.lists import KeysetAdmin
from events.lib.paging import Order
from ingestion.admin import accounts, actions, bodies, group_filters, groups
from ingestion.admin.list_filters import FILTERS, RejectedChangeList
from ingestion.documentation import formats
from ingestion.rejected import remedies
from ingestion.rejected.api import FIELDS_OF_REJECTED
from ingestion.rejected.event import RejectedEvent


@dataclass(frozen=True)
class RejectedPage(Page):
    """The page of a rejected event: its fault, where it is, and what to do."""

    happened: str = ""
    remedy: str = ""
    marked: bodies.Marked | None = None
    can_act: bool = False


@admin.register(RejectedEvent)
class RejectedEventAdmin(OwnedAdmin, PageAdmin, KeysetAdmin):
    """Rejected events: what could not be stored, why, and what to do. Leads of the owner let it in."""

    change_list_template = "ingestion/rejected_list.html"
    page_template = "ingestion/rejected_page.html"
    list_display = (
        time_column("last_received_at", "Last received (UTC)"),
        "owner",
        "source",
        "kind",
        "code",
        short_text("path", 40),
        count_column("seen"),
    )
    list_filter = FILTERS
    vocabulary = FIELDS_OF_REJECTED
    list_order = Order(("last_received_at", "pk"), descending=True)
    list_columns = (
        "last_received_at",
        "kind",
        "code",
        "path",
        "seen",
        "owner__name",
        "source__name",
    )
    actions: Any = (actions.replay_selected, actions.discard_selected)
    empty_state = EmptyState(
        "No rejected events",
        "Every event so far could be stored. Events that can't be are kept here, with the reason and their"
        " bytes.",
    )

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[RejectedChangeList]:
        """Return the list with rows to select."""
        return RejectedChangeList

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[RejectedEvent]:
        """Rejected events with the names that the list and the page show."""
        return super().get_queryset(request).select_related("owner", "source")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """True if the person leads any owner. Actions apply only to events of these owners."""
        access = access_of(request)
        return access.is_operator or any(access.leads(owner.pk) for owner in access.owners)

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, with those of groups, accounts and actions."""

        def wrapped(view: Callable[..., HttpResponseBase]) -> Callable[..., Any]:
            return self.admin_site.admin_view(view)

        return [
            path("groups/", wrapped(self.groups_view), name="ingestion_rejected_groups"),
            path("accounts/", wrapped(accounts.view), name="ingestion_accounts"),
            path("matching/", wrapped(self.matching_view), name="ingestion_rejected_matching"),
            path("discard/", wrapped(actions.discard_view), name="ingestion_rejected_discard"),
            path("<int:pk>/replay/", wrapped(actions.replay_view), name="ingestion_rejected_replay"),
            path("<int:pk>/edit/", wrapped(actions.edit_view), name="ingestion_rejected_edit"),
            *super().get_urls(),
        ]

    def groups_view(self, request: HttpRequest) -> HttpResponse:
        """Show the rejected events grouped by reason, kind and source."""
        actions.require_some_owner(request)
        access, now = access_of(request), timezone.now().astimezone(UTC)
        asked = group_filters.ask(request.GET, access, now)
        rows = group_filters.rows_of(access, asked)
        found = groups.groups_of(rows, access, now, asked)
        context = {
            **self.admin_site.each_context(request),
            "title": "Rejected events",
            "opts": self.opts,
            "answer": groups.answer(found, groups.count_of(rows, found), asked),
            "periods": group_filters.periods(asked),
            "all": group_filters.everything(request.GET),
            "older": group_filters.rows_of(access, asked, older=True).count(),
            "listed": urlencode(asked.query),
            "chips": group_filters.chips(request.GET, access, asked),
            "groups": found,
            "is_cut": len(found) == groups.SHOWN,
            "owners": group_filters.owners(request.GET, access),
            "kept": group_filters.kept(request.GET, asked),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "ingestion/rejected_groups.html", context)

    def matching_view(self, request: HttpRequest) -> HttpResponse:
        """Replay all that match the filters of the list."""
        changelist = self.get_changelist_instance(request)
        assert isinstance(changelist, RejectedChangeList)
        return actions.replay_matching(request, changelist)

    def changelist_view(self, request: HttpRequest, extra_context: Context = None) -> HttpResponse:
        """Show the list, with a button that replays all matching events if the person may."""
        more = {"can_act": self.has_act_permission(request), "filters": request.GET.urlencode()}
        return super().changelist_view(request, more | (extra_context or {}))

    def page(self, request: HttpRequest, row: RejectedEvent) -> Page:
        """Return the page of an event: why it was rejected, where the fault is, and what to do."""
        happened, remedy = remedies.said_of(row.code, row.path)
        marked = bodies.marked(row)
        as_sent = bodies.as_received(bytes(row.body))
        return RejectedPage(
            sentence=row.message,
            groups=(
                group("Why", row, ("code", "path", "strict")),
                group("What", row, ("kind", "dialect", "encoding", "client_event_id")),
                group("Whose", row, ("owner", "source")),
                group("When", row, ("received_at", "last_received_at", "seen")),
                group("Request", row, ("context",)),
            ),
            documents=(as_sent,),
            happened=remedies.as_html(happened),
            remedy=remedies.as_html(remedy, formats.link(row.kind, row.dialect, row.path)),
            marked=marked,
            can_act=access_of(request).leads(row.owner_id),
        )
