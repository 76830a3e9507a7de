"""Events in the admin: the list of all kinds, one list per kind, and the page of partitions.

The lists of kinds are built from the registry, so a new kind needs no code here.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from events.access import access_of
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import (
    NOTHING,
    Column,
    Columns,
    Page,
    display_value,
    field_label,
    short_text,
    time_column,
)
from events.admin.event_lists import EventListAdmin, conditions_of, envelopes_of, in_time
from events.admin.event_page import event_lines, event_view
from events.admin.filters import (
    ChoiceFilter,
    DialectFilter,
    KindFilter,
    OwnerFilter,
    PeriodFilter,
    ReceiptFilter,
    ReceivedSinceFilter,
    ReceivedUntilFilter,
    SinceFilter,
    SourceFilter,
    UntilFilter,
    offered_filters,
)
from events.event import Event
from events.fields import vocabulary
from events.fields.conditions import Conditions
from events.fields.sql import on_envelopes, on_rows
from events.kinds import KINDS, KindEntry
from events.kinds.base import Kind
from events.lib.fields import AnyField
from events.lib.formatting import size_text
from events.lib.paging import LAST_RECEIVED_FIRST, EventQuery
from events.partitioned.partitions import Week, weeks
from events.store.details import detail_of


def answer(found: list[Week]) -> str:
    """Return the page's sentence."""
    if not found:
        return "There are no partitions yet: run manage.py manage_partitions."
    events, size = sum(week.events for week in found), sum(week.size for week in found)
    return f"About {events:,} events in {len(found)} weeks take {size_text(size)}, indexes included."


def page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the page of partitions, to operators only."""
    if not access_of(request).is_operator:
        raise PermissionDenied
    found = weeks()
    context = {**site.each_context(request), "title": "Partitions", "answer": answer(found), "weeks": found}
    return TemplateResponse(request, "admin/partitions.html", context)


LISTED = ("kind", "dialect", "session", "actor", "occurred_at", "received_at", "owner", "source")
RECEIPT = (ReceivedSinceFilter, ReceivedUntilFilter)
# An event that any Tally server accepts, so that the empty list can show how to send one.
FIRST_EVENT = (
    '{"events": [{"eid": "LOG", "ver": "3.0", "ets": \'$(date +%s000)\', "mid": "first", '
    '"actor": {"id": "me", "type": "User"}, '
    '"context": {"channel": "trial", "env": "shell", "pdata": {"id": "curl"}}, '
    '"edata": {"type": "trial", "level": "INFO", "message": "Hello"}}]}'
)


@admin.register(Event)
class EventAdmin(PageAdmin, EventListAdmin):
    """Events of all kinds. They can't be changed."""

    vocabulary = vocabulary.of_events()
    list_display = (
        time_column("occurred_at", "Occurred (UTC)"),
        "kind",
        "happened",
        "owner",
        "source",
        short_text("actor"),
        short_text("session"),
        "dialect",
    )
    list_filter = (
        *(OwnerFilter, SourceFilter, KindFilter, DialectFilter),
        *(PeriodFilter, SinceFilter, UntilFilter),
        *offered_filters(),
        *RECEIPT,
    )

    @admin.display(description="What happened")
    def happened(self, row: Any) -> str:
        """Return the line in words."""
        if not row.happened:
            return NOTHING
        return format_html('<span class="tally-happened" title="{0}">{0}</span>', row.happened)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the list with a line for each event, read with one statement for the page."""
        response = super().changelist_view(request, extra_context)
        if listed := (getattr(response, "context_data", None) or {}).get("cl"):
            lines = event_lines(listed.result_list)
            for row in listed.result_list:
                row.happened = lines.get(row.pk, "")
        return response

    def get_list_display(self, request: HttpRequest) -> Columns:
        """Add the time of receipt if the list is ordered by it."""
        is_by_receipt = any(request.GET.get(spec.parameter_name) for spec in RECEIPT)
        received = (time_column("received_at", "Received (UTC)"),) if is_by_receipt else ()
        return (*received, *super().get_list_display(request))

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the page of partitions."""
        view = self.admin_site.admin_view(partial(page, site=self.admin_site))
        return [path("partitions/", view, name="events_partitions"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[models.Model]:
        """Return the events with the names that list and page show.

        Names are read by separate queries. With a join, statistics that don't include a new source yet make
        PostgreSQL expect hardly any rows, and it sorts all events for one page.
        """
        return super().get_queryset(request).prefetch_related("owner", "source")

    def event_query(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> EventQuery:
        """Build the query of the envelopes, joined with the kind's table if a kind is selected."""
        conditions = conditions_of(filters)
        kind = next((spec.chosen for spec in filters if isinstance(spec, KindFilter)), "")
        own, others = conditions.split(kind) if kind in KINDS else (Conditions(), conditions)
        rows, indexed, is_indexed = envelopes_of(request, filters, term, others)
        rows = rows.only(*LISTED).prefetch_related("owner", "source")
        received = [spec for spec in filters if isinstance(spec, ReceiptFilter)]
        if received:
            rows = rows.filter(on_envelopes(own, access_of(request)))
            pace: Any = Event.objects.all()
            for spec in received:
                pace = spec.queryset(request, pace)
            return EventQuery(rows, windowed_by=(pace,), order=LAST_RECEIVED_FIRST)
        if kind in KINDS:
            of_kind = in_time(request, filters, KINDS[kind].model._default_manager.all())
            joined = of_kind.filter(on_rows(own, access_of(request)))
            return EventQuery(rows, windowed_by=(indexed, of_kind), joined=joined)
        return EventQuery(rows) if is_indexed else EventQuery(rows, windowed_by=(indexed,))

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """Return the steps to send a first event."""
        return EmptyState(
            "No events yet",
            "Create a key, then send an event with it. It appears here within a second or two.",
            (
                'python manage.py create_key --owner "My team"',
                f"curl {settings.BASE_URL}/v1/telemetry -H 'Authorization: Bearer KEY'"
                " -H 'Content-Type: application/json'"
                f" -d '{FIRST_EVENT}'",
            ),
        )

    def page(self, request: HttpRequest, row: Event) -> Page:
        """Build the page of an event."""
        return event_view(row, detail_of(row))


OWN_COLUMNS = 5  # of a kind in its list: the first ones in its file, which matter most
OF_ENVELOPE = ("kind", "occurred_at", "owner", "source", "actor")


class KindAdmin(PageAdmin, EventListAdmin):
    """Events of one kind. They can't be changed."""

    kind = ""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[models.Model]:
        """Return the rows of the kind whose envelopes the person may see."""
        rows = self.model._default_manager.all()
        mine = access_of(request).limit(Event.objects.order_by())
        found: models.QuerySet[models.Model] = rows.filter(Exists(mine.filter(pk=OuterRef("pk"))))
        return found

    def event_query(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> EventQuery:
        """Build the query of the kind's rows, joined with their envelopes."""
        own, others = conditions_of(filters).split(self.kind)
        envelopes, indexed, _ = envelopes_of(request, filters, term, others)
        rows_in_time = in_time(request, filters, self.model._default_manager.all())
        rows = rows_in_time.prefetch_related(
            Prefetch("event", Event.objects.only(*OF_ENVELOPE).prefetch_related("owner", "source"))
        )
        rows = rows.filter(on_rows(own, access_of(request)))
        return EventQuery(rows, windowed_by=(rows_in_time, indexed), joined=envelopes)

    def has_view_permission(self, request: HttpRequest, obj: Kind | None = None) -> bool:
        """True for members of any owner; for an event, only for members of its owner."""
        access = access_of(request)
        return not access.is_empty if obj is None else access.has(obj.event.owner_id)

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """Return the description of the kind."""
        return EmptyState(
            f"No {self.kind} events yet",
            f"They appear here as soon as one is filed. Description: {described(self.model)}",
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the list with the kind's title and description."""
        more = {"title": f"Events: {self.kind}", "explained": described(self.model)}
        return super().changelist_view(request, more | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the event's page, with a link back to this list."""
        more = {"list_name": f"{self.kind} events"}
        return super().changeform_view(request, object_id, form_url, more | (extra_context or {}))

    def page(self, request: HttpRequest, row: Kind) -> Page:
        """Build the page of the event."""
        return event_view(row.event, row)

    def title_of(self, row: Kind) -> str:
        """Return the title of the event's page."""
        return str(row.event)


def described(model: type) -> str:
    """Return the first line of a kind's description, without its source."""
    return str(model.__doc__ or "").strip().splitlines()[0].partition(" Source: ")[0]


def own_columns(model: type[Kind]) -> Sequence[AnyField]:
    """Return the columns that a kind's list shows: short ones, and no times other than the event's."""
    long = (models.JSONField, models.DateTimeField)
    plain = [column for column in model.columns() if not isinstance(column, long)]
    return plain[:OWN_COLUMNS]


def _of_event(name: str, column: Column) -> Column:
    @admin.display(description=getattr(column, "short_description", name.capitalize()))
    def shown_of_event(row: Kind) -> str:
        return str(column(row.event))

    shown_of_event.__name__ = name
    return shown_of_event


def _name(name: str) -> Column:
    @admin.display(description=name.capitalize())
    def column(row: Kind) -> str:
        return str(getattr(row.event, name))

    column.__name__ = name
    return column


def _own(field: AnyField) -> Column:
    if isinstance(field, models.TextField):
        return short_text(field.attname, label=field_label(field))

    @admin.display(description=field_label(field))
    def column(row: Kind) -> str:
        value = getattr(row, field.attname)
        return NOTHING if value in (None, []) else display_value(field.attname, value)

    column.__name__ = field.attname
    return column


def admin_of(entry: KindEntry) -> type[KindAdmin]:
    """Build the admin class of a kind."""
    own = own_columns(entry.model)
    return type(
        f"{entry.model.__name__}Admin",
        (KindAdmin,),
        {
            "kind": entry.name,
            "vocabulary": vocabulary.of_kind(entry.name),
            "list_display": (
                _of_event("occurred_at", time_column("occurred_at", "Occurred (UTC)")),
                *map(_own, own),
                _name("owner"),
                _name("source"),
                _of_event("actor", short_text("actor")),
            ),
            "list_filter": (
                *(OwnerFilter, SourceFilter, PeriodFilter, SinceFilter, UntilFilter),
                *offered_filters(entry.name),
            ),
            "__doc__": entry.model.__doc__,
        },
    )


for _entry in KINDS.values():
    # Not a Meta option, which would require a line in each kind and a migration.
    _name_of_one = str(_entry.model._meta.verbose_name).removesuffix(" event").replace("ui ", "UI ")
    _entry.model._meta.verbose_name_plural = f"{_name_of_one} events"
    admin.site.register(_entry.model, admin_of(_entry))
