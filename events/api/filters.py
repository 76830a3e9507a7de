"""Filters of the events API, by the names of the envelope."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django_filters.fields import IsoDateTimeField

from events.access import Access, Person, Row
from events.event import Event, EventQuerySet
from events.identity import first_id
from events.kinds import KINDS
from events.lib import times
from events.lib.paging import EventQuery
from events.wire.dialects import DIALECTS

# Filters of the envelope that have an index, alone or with the owner: see docs/decisions/041.
INDEXED = ("owner", "session", "occurred_after", "occurred_before")
OF_TIME = ("occurred_after", "occurred_before")  # tell the ids
# Those that none helps with: what they leave may be rare.
UNINDEXED = ("source", "dialect", "actor", "device", "client_event_id", "is_bot")


def in_time(rows: QuerySet[Row], name: str, at: datetime | None) -> QuerySet[Row]:
    """Filter rows of a kind's table by one of OF_TIME."""
    if at is None:
        return rows
    return rows.filter(**{"pk__gte" if name == "occurred_after" else "pk__lt": first_id(at)})


def choices(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return names as choices of a filter."""
    return [(name, name) for name in names]


class TimeField(IsoDateTimeField):
    """A time in ISO 8601, with an error that says what to write."""

    def to_python(self, value: object) -> datetime | None:
        """Return the time; None for an empty text. Raises ValidationError."""
        if not isinstance(value, str) or not value.strip():
            return None
        try:
            return times.parse_time(value)
        except ValueError as error:
            raise ValidationError(f"{error}.", code="invalid") from error


class TimeFilter(django_filters.IsoDateTimeFilter):
    """Filter by a time."""

    field_class = TimeField


def bot_filter(note: str) -> django_filters.ChoiceFilter:
    """Build a filter by events of bots."""
    return django_filters.ChoiceFilter(
        choices=choices(("true", "false")),
        method="by_bot",
        help_text=f"true: events or sessions of bots; {note}",
    )


class OwnedFilter(django_filters.FilterSet):
    """Filters for all rows with an owner and a source: by name, among those that the reader may see."""

    owner = django_filters.CharFilter(method="by_owner", help_text="Name of the owner, in any case.")
    source = django_filters.CharFilter(method="by_source", help_text="Name of the source, in any case.")

    @property
    def reader(self) -> Person:
        """The user or key that sent the request."""
        assert self.request is not None, "filters are made by views"
        return self.request.user

    def by_owner(self, rows: QuerySet[Model], _: str, name: str) -> QuerySet[Model]:
        """Filter by the name of a visible owner."""
        return rows.filter(owner_id__in=Access(self.reader).owners_named(name))

    def by_source(self, rows: QuerySet[Model], _: str, name: str) -> QuerySet[Model]:
        """Filter by the name of a source."""
        return rows.filter(source_id__in=Access(self.reader).sources_named(name))

    def by_bot(self, rows: QuerySet[Model], _: str, flag: str) -> QuerySet[Model]:
        """Filter by events of bots. Events without a user agent aren't from bots."""
        return rows.filter(is_bot=True) if flag == "true" else rows.exclude(is_bot=True)


class EnvelopeFilter(OwnedFilter):
    """Filters of events of all kinds."""

    session = django_filters.CharFilter(method="by_text", help_text="Session ID, exact match.")
    actor = django_filters.CharFilter(method="by_text", help_text="Actor ID, exact match.")
    device = django_filters.CharFilter(method="by_text", help_text="Device ID, exact match.")
    client_event_id = django_filters.CharFilter(
        method="by_text", help_text="The sender's own ID of the event, exact match."
    )
    occurred_after = TimeFilter(method="by_occurrence", help_text="Occurred at this time or later.")
    occurred_before = TimeFilter(method="by_occurrence", help_text="Occurred before this time.")
    received_after = TimeFilter(
        field_name="received_at", lookup_expr="gte", help_text="Received at this time or later."
    )
    received_before = TimeFilter(
        field_name="received_at", lookup_expr="lt", help_text="Received before this time."
    )
    is_bot = bot_filter("false: all others, including those without a user agent.")

    class Meta:
        model = Event
        fields: list[str] = []

    def by_text(self, events: EventQuerySet, column: str, text: str) -> EventQuerySet:
        """Filter by an indexed text."""
        return events.with_text(column, text)

    def by_occurrence(self, events: EventQuerySet, name: str, at: datetime) -> EventQuerySet:
        """Filter by ranges of ids."""
        return events.occurred_since(at) if name == "occurred_after" else events.occurred_before(at)


class EventFilter(EnvelopeFilter):
    """Filters of events."""

    def filter_queryset(self, queryset: Any) -> Any:
        """Return the query, which searches in windows if no index serves the filters."""
        rows: Any = super().filter_queryset(queryset)
        asked = self.form.cleaned_data
        of_kind = KINDS[asked["kind"]].model._default_manager.all() if asked["kind"] else None
        if asked["session"] or (self.data or {}).get("ordering", "-id") not in ("", "-id"):
            # The envelope has no index on the kind, which may be rare. The kind's table has only these.
            return rows if of_kind is None else rows.filter(pk__in=of_kind.values("pk"))
        indexed: Any = queryset
        for name in INDEXED:
            indexed = self.filters[name].filter(indexed, asked[name])
        if of_kind is not None:
            for name in OF_TIME:
                of_kind = in_time(of_kind, name, asked[name])
            return EventQuery(rows, windowed_by=(indexed, of_kind), joined=of_kind)
        return EventQuery(rows, windowed_by=(indexed,)) if any(asked[name] for name in UNINDEXED) else rows

    kind = django_filters.ChoiceFilter(choices=choices(KINDS), help_text="Kind of event.")
    dialect = django_filters.ChoiceFilter(choices=choices(DIALECTS), help_text="Wire format.")
