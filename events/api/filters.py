"""Filters of the events API, by the names of the envelope."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import django_filters

from events.event import Event, EventQuerySet
from events.kinds import KINDS
from events.wire.dialects import DIALECTS


def _choices(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


class EventFilter(django_filters.FilterSet):
    """What events can be asked for."""

    kind = django_filters.ChoiceFilter(choices=_choices(KINDS), help_text="Kind of event.")
    dialect = django_filters.ChoiceFilter(choices=_choices(DIALECTS), help_text="Wire format.")
    owner = django_filters.CharFilter(
        field_name="owner__name", lookup_expr="iexact", help_text="Name of the owner, in any case."
    )
    source = django_filters.CharFilter(
        field_name="source__name", lookup_expr="iexact", help_text="Name of the source, in any case."
    )
    session = django_filters.CharFilter(method="by_text", help_text="Session id, exact.")
    actor = django_filters.CharFilter(method="by_text", help_text="Actor id, exact.")
    device = django_filters.CharFilter(method="by_text", help_text="Device id, exact.")
    client_event_id = django_filters.CharFilter(method="by_text", help_text="The sender's own id, exact.")
    occurred_after = django_filters.IsoDateTimeFilter(
        method="by_occurrence", help_text="At this time or later."
    )
    occurred_before = django_filters.IsoDateTimeFilter(method="by_occurrence", help_text="Before this time.")
    received_after = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte")
    received_before = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="lt")
    ordering = django_filters.ChoiceFilter(
        choices=[("-id", "newest first"), ("received_at", "as they arrived")],
        method="no_filter",
        help_text="Order of the results.",
    )

    class Meta:
        model = Event
        fields: list[str] = []

    def by_text(self, events: EventQuerySet, column: str, text: str) -> EventQuerySet:
        """By an indexed text."""
        return events.with_text(column, text)

    def by_occurrence(self, events: EventQuerySet, name: str, at: datetime) -> EventQuerySet:
        """By ranges of ids."""
        return events.occurred_since(at) if name == "occurred_after" else events.occurred_before(at)

    def no_filter(self, events: EventQuerySet, _: str, __: Any) -> EventQuerySet:
        """Checked here, applied by the pagination."""
        return events
