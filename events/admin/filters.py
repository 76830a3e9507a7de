"""Filters of lists: each offers fixed choices, which a form above the list shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.access import Access, access_of
from events.identity import first_id
from events.kinds import KINDS
from events.ownership.source import Source
from events.store.merging import with_merged
from events.store.sources import of_stored_events
from events.store.usage import UsageHour
from events.wire.dialects import DIALECTS

SOURCES_FROM_DAYS = 91  # a source that has sent nothing for longer is not offered to members


@dataclass(frozen=True)
class Option:
    """One choice of a filter."""

    value: str
    label: str
    is_chosen: bool


class ChoiceFilter(SimpleListFilter):
    """A filter by one of several values. The empty value stands for all."""

    title = ""
    parameter_name = ""
    column = ""  # that the value is looked for in
    input_type = ""  # of the form's field; empty for a choice of the options
    is_indexed = False  # whether an index gives, in the order of ids, the events that it leaves
    of_kind = False  # whether its column is of a kind's own table, not of the envelope
    of_time = False  # whether it narrows ids, so that it holds for every table of events
    takes_many = False  # whether several values may be asked for, with commas between: reports link so

    def has_output(self) -> bool:
        """Always: the value is to be taken out of the parameters also where there is nothing to choose."""
        return True

    @property
    def is_folded(self) -> bool:
        """Whether the form shows it on demand only."""
        return self.of_kind or self.input_type == "text"

    @property
    def chosen(self) -> str:
        """The value in force, empty for none."""
        return str(self.value() or "")

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the begin and the end of the time that it leaves; None where it leaves all on that side."""
        return None, None

    @property
    def problem(self) -> str:
        """The error of the selected value, as a sentence; empty if it is valid."""
        return ""

    @property
    def values(self) -> list[str]:
        """The values in force one by one."""
        return self.chosen.split(",") if self.takes_many else [self.chosen]

    @property
    def chosen_label(self) -> str:
        """The value in force, as people know it."""
        labels = {str(value): str(label) for value, label in self.lookup_choices}
        return ", ".join(labels.get(value, value) for value in self.values)

    @property
    def options(self) -> list[Option]:
        """What the form offers; several that are in force together are one more."""
        found = [
            Option(str(value), str(label), str(value) == self.chosen) for value, label in self.lookup_choices
        ]
        return [Option(self.chosen, self.chosen_label, True), *found] if len(self.values) > 1 else found

    @property
    def is_refused(self) -> bool:
        """True if a value is in force that this person isn't offered. It selects nothing, anywhere."""
        offered = {str(value) for value, _ in self.lookup_choices}
        return bool(self.chosen) and not offered.issuperset(self.values)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows that the value in force leaves; none for a value that isn't offered."""
        if not self.chosen:
            return queryset
        if self.is_refused:
            return queryset.none()
        return self.narrow(request, queryset)

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows that have the chosen value, or one of them."""
        many = len(self.values) > 1
        return rows.filter(**{f"{self.column}__in": self.values} if many else {self.column: self.chosen})


class OwnerFilter(ChoiceFilter):
    """By owner, of those that the person sees."""

    title = "owner"
    parameter_name = "owner"
    column = "owner_id"
    takes_many = True
    is_indexed = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The owners that the person sees."""
        owners = access_of(request).owners
        return [(str(owner.pk), label) for owner, label in zip(owners, labels_of(owners), strict=True)]


class SourceFilter(ChoiceFilter):
    """By source, of those that the person's owners have heard from."""

    title = "source"
    parameter_name = "source"
    column = "source_id"
    takes_many = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The sources of the person's owners."""
        sources = list(sources_of(access_of(request)).select_related("organization"))
        return [(str(source.pk), label) for source, label in zip(sources, labels_of(sources), strict=True)]

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows of the chosen sources, and of those that were merged into them."""
        chosen = [int(value) for value in self.values]
        return rows.filter(source_id__in=with_merged(chosen))


class VisibleSourceFilter(SourceFilter):
    """By source, of those that the person may see: for lists of what may have been rejected."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The sources of what the person's owners received."""
        sources = list(visible_sources(access_of(request)).select_related("organization"))
        return [(str(source.pk), label) for source, label in zip(sources, labels_of(sources), strict=True)]


class KindFilter(ChoiceFilter):
    """By kind of event."""

    title = "kind"
    parameter_name = "kind"
    column = "kind"
    takes_many = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """All kinds that there are."""
        return [(name, name) for name in sorted(KINDS)]


class DialectFilter(ChoiceFilter):
    """By wire format."""

    title = "dialect"
    parameter_name = "dialect"
    column = "dialect"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """All dialects that there are."""
        return [(name, name) for name in sorted(DIALECTS)]


class PeriodFilter(ChoiceFilter):
    """By time of occurrence, in ranges of ids, so that partitions are pruned."""

    title = "time"
    parameter_name = "period"
    is_indexed = of_time = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The presets."""
        return list(PERIODS.items())

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The events that occurred in the period."""
        since, until = period(self.chosen, timezone.localtime())
        rows = rows.filter(pk__gte=first_id(since))
        return rows.filter(pk__lt=first_id(until)) if until else rows

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the begin and the end of the time that it leaves."""
        return period(self.chosen, timezone.localtime()) if self.chosen in PERIODS else (None, None)


PERIODS = {
    "today": "today",
    "yesterday": "yesterday",
    "7d": "last 7 days",
    "30d": "last 30 days",
    "month": "this month",
    "last-month": "last month",
}


def period(name: str, now: datetime) -> tuple[datetime, datetime | None]:
    """Begin and end of a preset, in the zone of `now`. Today counts among the last days."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    if name == "yesterday":
        return day - timedelta(days=1), day
    if name == "last-month":
        return (month - timedelta(days=1)).replace(day=1), month
    begins = {
        "today": day,
        "7d": day - timedelta(days=6),
        "30d": day - timedelta(days=29),
        "month": month,
    }
    return begins[name], None


def labels_of(rows: list[Any]) -> list[str]:
    """The names of owners or sources, with their organization where there are several."""
    several = len({row.organization_id for row in rows}) > 1
    return [f"{row.name} · {row.organization}" if several else row.name for row in rows]


def visible_sources(access: Access) -> models.QuerySet[Source]:
    """Return the sources that the person may see by name: those of all events that their owners received."""
    listed = Source.objects.filter(closed_at=None)
    return listed if access.is_operator else listed.filter(pk__in=_heard(access).values("source_id"))


def sources_of(access: Access) -> models.QuerySet[Source]:
    """Return the sources that lists offer: those of stored events. Rejected events can name anything."""
    listed = visible_sources(access)
    if access.is_operator:
        return listed.filter(of_stored_events())
    return listed.filter(pk__in=_heard(access).filter(stored__gt=0).values("source_id"))


def _heard(access: Access) -> models.QuerySet[UsageHour]:
    since = timezone.now() - timedelta(days=SOURCES_FROM_DAYS)
    return UsageHour.objects.filter(owner_id__in=sorted(access.owner_ids), hour__gte=since)
