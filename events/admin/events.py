"""Events in the admin: the list of all kinds, newest first, and the page of one."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html

from events.admin import partition_page
from events.admin.base import EmptyState
from events.admin.columns import NOTHING, moment, short
from events.admin.event_filters import (
    ActorFilter,
    BotFilter,
    CountryFilter,
    DeviceFilter,
    ObjectFilter,
    ReceiptFilter,
    ReceivedSinceFilter,
    ReceivedUntilFilter,
    SessionFilter,
    SinceFilter,
    UntilFilter,
    VersionFilter,
)
from events.admin.event_page import event_view
from events.admin.exporting import ROWS
from events.admin.facts import Page
from events.admin.filters import (
    ChoiceFilter,
    DialectFilter,
    KindFilter,
    OwnerFilter,
    PeriodFilter,
    SourceFilter,
)
from events.admin.happened import lines_of
from events.admin.pages import PageAdmin
from events.admin.walking import WalkAdmin, envelopes_of, in_time
from events.details import Pair, with_details
from events.event import Event
from events.kinds import KINDS
from events.walk import LAST_RECEIVED_FIRST, Question

LISTED = ("kind", "dialect", "session", "actor", "occurred_at", "received_at", "owner", "source")
RECEIPT = (ReceivedSinceFilter, ReceivedUntilFilter)
# An event that any server of Tally takes, so that the empty list can say how to send one.
FIRST_EVENT = (
    '{"events": [{"eid": "LOG", "ver": "3.0", "ets": \'$(date +%s000)\', "mid": "first", '
    '"actor": {"id": "me", "type": "User"}, '
    '"context": {"channel": "trial", "env": "shell", "pdata": {"id": "curl"}}, '
    '"edata": {"type": "trial", "level": "INFO", "message": "Hello"}}]}'
)


@admin.register(Event)
class EventAdmin(PageAdmin, WalkAdmin):
    """Events of all kinds: read, never changed."""

    list_display = (
        moment("occurred_at", "Occurred (UTC)"),
        "kind",
        "happened",
        "owner",
        "source",
        short("actor"),
        short("session"),
        "dialect",
    )
    list_filter = (
        *(OwnerFilter, SourceFilter, KindFilter, DialectFilter),
        *(PeriodFilter, SinceFilter, UntilFilter),
        *(SessionFilter, ActorFilter, DeviceFilter, ObjectFilter, VersionFilter, CountryFilter),
        BotFilter,
        *RECEIPT,
    )

    @admin.display(description="What happened")
    def happened(self, row: Any) -> str:
        """A line in words."""
        if not row.happened:
            return NOTHING
        return format_html('<span class="tally-happened" title="{0}">{0}</span>', row.happened)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Return the list with a line for each event; one statement for all of a page."""
        response = super().changelist_view(request, extra_context)
        if listed := (getattr(response, "context_data", None) or {}).get("cl"):
            lines = lines_of(listed.result_list)
            for row in listed.result_list:
                row.happened = lines.get(row.pk, "")
        return response

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """With the time of receipt where the list is in its order."""
        is_by_receipt = any(request.GET.get(spec.parameter_name) for spec in RECEIPT)
        received = (moment("received_at", "Received (UTC)"),) if is_by_receipt else ()
        return (*received, *super().get_list_display(request))

    def get_urls(self) -> list[Any]:
        """The page of partitions beside the list."""
        view = self.admin_site.admin_view(partial(partition_page.page, site=self.admin_site))
        return [path("partitions/", view, name="events_partitions"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Events with the names that the list and the page show.

        By queries of their own: joined, statistics that don't know a new source yet make PostgreSQL expect
        next to no rows, and sort all events for one page.
        """
        return super().get_queryset(request).prefetch_related("owner", "source")

    def question(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> Question:
        """The envelopes; beside a row of its kind where a kind is asked for, since the envelope has no index
        on that: by the column alone a rare kind read the whole table. By receipt they have windows of that.
        """
        rows, indexed, is_indexed = envelopes_of(request, filters, term)
        rows = rows.only(*LISTED).prefetch_related("owner", "source")
        received = [spec for spec in filters if isinstance(spec, ReceiptFilter)]
        if received:
            pace: Any = Event.objects.all()
            for spec in received:
                pace = spec.queryset(request, pace)
            return Question(rows, paces=(pace,), order=LAST_RECEIVED_FIRST)
        kind = next((spec.chosen for spec in filters if isinstance(spec, KindFilter)), "")
        if kind in KINDS:
            of_kind = in_time(request, filters, KINDS[kind].model._default_manager.all())
            return Question(rows, paces=(indexed, of_kind), beside=of_kind)
        return Question(rows) if is_indexed else Question(rows, paces=(indexed,))

    def pairs(self, question: Question) -> Iterator[list[Pair]]:
        """Everything that answers, with all columns."""
        whole = replace(question, rows=question.rows.defer(None))
        return map(with_details, whole.everything(ROWS))

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """How the first event gets in."""
        return EmptyState(
            "No events yet",
            "Make a key, then post an event with it. It appears here within a second or two.",
            (
                'python manage.py create_key --owner "My team"',
                f"curl {settings.BASE_URL}/v1/telemetry -H 'Authorization: Bearer KEY'"
                " -H 'Content-Type: application/json'"
                f" -d '{FIRST_EVENT}'",
            ),
        )

    def page(self, request: HttpRequest, row: Event) -> Page:
        """What there is to say of an event."""
        return event_view(row, row.detail)
