"""Events of one kind in the admin: a list for each, with the kind's own columns and filters.

Made from the registry, so that a new kind needs no line here.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpRequest, HttpResponse

from events.access import access_of
from events.admin.base import EmptyState
from events.admin.columns import NOTHING, moment, short
from events.admin.event_filters import (
    ActorFilter,
    BotFilter,
    CountryFilter,
    DeviceFilter,
    ObjectFilter,
    SessionFilter,
    SinceFilter,
    UntilFilter,
    VersionFilter,
    filters_of,
)
from events.admin.event_page import event_view
from events.admin.exporting import ROWS
from events.admin.facts import Page, label_of, shown
from events.admin.filters import ChoiceFilter, OwnerFilter, PeriodFilter, SourceFilter
from events.admin.pages import PageAdmin
from events.admin.walking import WalkAdmin, envelopes_of, in_time
from events.details import Pair
from events.event import Event
from events.kinds import KINDS, KindEntry
from events.walk import Question

OWN_COLUMNS = 5  # of a kind that its list shows: the first of its file, which matter most
OF_ENVELOPE = ("kind", "occurred_at", "owner", "source", "actor")


class KindAdmin(PageAdmin, WalkAdmin):
    """Events of one kind: read, never changed."""

    kind = ""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The rows of the kind whose envelopes the person may see."""
        rows = self.model._default_manager.all()
        mine = access_of(request).limit(Event.objects.order_by())
        found: models.QuerySet[Any] = rows.filter(Exists(mine.filter(pk=OuterRef("pk"))))
        return found

    def question(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> Question:
        """The rows of the kind by its own columns, the envelopes beside them by theirs."""
        envelopes, indexed, _ = envelopes_of(request, filters, term)
        rows_in_time = in_time(request, filters, self.model._default_manager.all())
        rows = rows_in_time.prefetch_related(
            Prefetch("event", Event.objects.only(*OF_ENVELOPE).prefetch_related("owner", "source"))
        )
        for spec in filters:
            if spec.of_kind:
                rows = spec.queryset(request, rows)
        return Question(rows, paces=(rows_in_time, indexed), beside=envelopes)

    def pairs(self, question: Question) -> Iterator[list[Pair]]:
        """Everything that answers, with all columns of the envelopes too."""
        envelopes = Prefetch("event", Event.objects.prefetch_related("owner", "source"))
        rows = question.rows.prefetch_related(None).prefetch_related(envelopes)
        for page in replace(question, rows=rows).everything(ROWS):
            yield [(row.event, row) for row in page]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Members of any owner may see the list; of the event's owner, the event."""
        access = access_of(request)
        return not access.is_empty if obj is None else access.has(obj.event.owner_id)

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """What the kind is."""
        return EmptyState(
            f"No {self.kind} events yet",
            f"They appear here as soon as one is filed. What such an event is: {described(self.model)}",
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, under the name of its kind."""
        more = {"title": f"Events: {self.kind}", "explained": described(self.model)}
        return super().changelist_view(request, more | (extra_context or {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The event's page, from which the way back leads to this list."""
        more = {"list_name": f"{self.kind} events"}
        return super().changeform_view(request, object_id, form_url, more | (extra_context or {}))

    def page(self, request: HttpRequest, row: Any) -> Page:
        """The page of the event."""
        return event_view(row.event, row)

    def title_of(self, row: Any) -> str:
        """As on the event's own page."""
        return str(row.event)


def described(model: Any) -> str:
    """What a kind is, in its own words; where that is from, the reference says."""
    return str(model.__doc__ or "").strip().splitlines()[0].partition(" Source: ")[0]


def own_columns(model: Any) -> list[Any]:
    """The columns that a kind's list shows: short ones only."""
    plain = [column for column in model.columns() if not isinstance(column, models.JSONField)]
    return plain[:OWN_COLUMNS]


def _of_event(name: str, column: Any) -> Any:
    @admin.display(description=getattr(column, "short_description", name.capitalize()))
    def shown_of_event(row: Any) -> str:
        return str(column(row.event))

    shown_of_event.__name__ = name
    return shown_of_event


def _name(name: str) -> Any:
    @admin.display(description=name.capitalize())
    def column(row: Any) -> str:
        return str(getattr(row.event, name))

    column.__name__ = name
    return column


def _own(field: Any) -> Any:
    if isinstance(field, models.TextField):
        return short(field.attname, label=label_of(field))

    @admin.display(description=label_of(field))
    def column(row: Any) -> Any:
        value = getattr(row, field.attname)
        return NOTHING if value in (None, []) else shown(field.attname, value)

    column.__name__ = field.attname
    return column


def admin_of(entry: KindEntry) -> type[KindAdmin]:
    """The admin of a kind."""
    own = own_columns(entry.model)
    of_kind = filters_of([*entry.model.columns(), *entry.model.computed()])
    taken = {spec.parameter_name for spec in of_kind}
    texts = (SessionFilter, ActorFilter, DeviceFilter, ObjectFilter, VersionFilter, CountryFilter)
    of_envelope = (*texts, BotFilter)
    return type(
        f"{entry.model.__name__}Admin",
        (KindAdmin,),
        {
            "kind": entry.name,
            "list_display": (
                _of_event("occurred_at", moment("occurred_at", "Occurred (UTC)")),
                *map(_own, own),
                _name("owner"),
                _name("source"),
                _of_event("actor", short("actor")),
            ),
            "list_filter": (
                *(OwnerFilter, SourceFilter, PeriodFilter, SinceFilter, UntilFilter),
                # A kind's own column stands for the envelope's of that name, which was filled from it.
                *(spec for spec in of_envelope if spec.parameter_name not in taken),
                *of_kind,
            ),
            "__doc__": entry.model.__doc__,
        },
    )


for _entry in KINDS.values():
    # Not as a Meta option, which every kind would have to say and a migration to follow.
    _name_of_one = str(_entry.model._meta.verbose_name).removesuffix(" event").replace("ui ", "UI ")
    _entry.model._meta.verbose_name_plural = f"{_name_of_one} events"
    admin.site.register(_entry.model, admin_of(_entry))
