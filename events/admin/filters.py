"""Filters of lists, shown in a form above the list.

Each offers fixed choices or takes typed text. A value that isn't offered or isn't valid selects nothing.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.access import access_of, labels_of
from events.admin.display import field_label
from events.identity import EPOCH, first_id
from events.kinds import KINDS
from events.lib import times
from events.store.sources import with_merged
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
        return (
            f"{self.title.capitalize()}: “{self.chosen[:60]}” is none of the choices."
            if self.is_refused
            else ""
        )

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
        sources = list(access_of(request).listed_sources.select_related("organization"))
        return [(str(source.pk), label) for source, label in zip(sources, labels_of(sources), strict=True)]

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows of the chosen sources, and of those that were merged into them."""
        chosen = [int(value) for value in self.values]
        return rows.filter(source_id__in=with_merged(chosen))


class VisibleSourceFilter(SourceFilter):
    """By source, of those that the person may see: for lists of what may have been rejected."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The sources of what the person's owners received."""
        sources = list(access_of(request).visible_sources.select_related("organization"))
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


class TypedFilter(ChoiceFilter):
    """A filter by what a person types. What can't be meant leaves nothing."""

    input_type = "text"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """No choices."""
        return ()

    @property
    def is_refused(self) -> bool:
        """Nothing is offered, so nothing is refused: `narrow` bounds it."""
        return False

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows that the value leaves."""
        if not self.chosen:
            return queryset
        try:
            return self.narrow(request, queryset)
        except (ValueError, OverflowError):
            return queryset.none()


class TextFilter(TypedFilter):
    """By a whole text."""

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows with that text; none has NUL, which PostgreSQL would not take."""
        if "\x00" in self.chosen:
            return rows.none()
        return rows.filter(**{self.column: self.chosen})


class EnvelopeTextFilter(TextFilter):
    """By a text of the envelope that may have an index on its beginning."""

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """By that index, where there is one."""
        if "\x00" in self.chosen:
            return rows.none()
        events: Any = rows
        found: models.QuerySet[Any] = events.with_text(self.column, self.chosen)
        return found


class SessionFilter(EnvelopeTextFilter):
    """By session id."""

    title = parameter_name = column = "session"
    is_indexed = True


class ActorFilter(EnvelopeTextFilter):
    """By actor."""

    title = parameter_name = column = "actor"


class DeviceFilter(EnvelopeTextFilter):
    """By device."""

    title = parameter_name = column = "device"


class ObjectFilter(EnvelopeTextFilter):
    """By the object that it is about."""

    title = parameter_name = "object"
    column = "object_id"


class ListedFilter(TextFilter):
    """By a text without an index, or by one of several with commas between: reports link so."""

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows with the whole text, or with a part of it."""
        if "," not in self.chosen:
            return super().narrow(request, rows)
        if "\x00" in self.chosen:
            return rows.none()
        return rows.filter(**{f"{self.column}__in": [self.chosen, *self.chosen.split(",")]})


class VersionFilter(ListedFilter):
    """By version of the source."""

    title = parameter_name = column = "version"


class CountryFilter(ListedFilter):
    """By country."""

    title = parameter_name = column = "country"


class TimeFilter(TypedFilter):
    """By one end of a range of time, in the zone that the page is in."""

    input_type = "datetime-local"
    lookup = ""

    @property
    def problem(self) -> str:
        """The error for a value that isn't a time, with what to write instead."""
        try:
            parse_instant(self.chosen)
        except (ValueError, OverflowError) as error:
            return f"{self.title.capitalize()}: {error}." if self.chosen else ""
        return ""

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows on this side of it."""
        return rows.filter(**{self.lookup: self.bound(parse_instant(self.chosen))})

    def bound(self, at: datetime) -> Any:
        """What the column is compared with."""
        return at


class SinceFilter(TimeFilter):
    """Occurred at a time or later."""

    is_indexed = of_time = True
    title = "from"
    parameter_name = "since"
    lookup = "pk__gte"

    def bound(self, at: datetime) -> Any:
        """The first id of the time."""
        return first_id(at)

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the begin and the end of the time that it leaves."""
        return _instant_or_none(self.chosen), None


class UntilFilter(SinceFilter):
    """Occurred before a time."""

    title = "before"
    parameter_name = "until"
    lookup = "pk__lt"

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the begin and the end of the time that it leaves."""
        return None, _instant_or_none(self.chosen)


class ReceiptFilter(TimeFilter):
    """By one end of a range of times of receipt, in the order of which the list is then."""

    @property
    def is_folded(self) -> bool:
        """On demand: people ask for the time of occurrence."""
        return True


class ReceivedSinceFilter(ReceiptFilter):
    """Received from a time on."""

    title = "received from"
    parameter_name = "received_since"
    lookup = "received_at__gte"


class ReceivedUntilFilter(ReceiptFilter):
    """Received before a time."""

    title = "received before"
    parameter_name = "received_until"
    lookup = "received_at__lt"


class NumberFilter(TypedFilter):
    """By a number."""

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return the rows with that number. Raises ValueError for one that no column holds."""
        return rows.filter(**{self.column: parse_number(self.chosen)})


class FlagFilter(ChoiceFilter):
    """By yes or no."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Both."""
        return [("yes", "yes"), ("no", "no")]

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows that say so."""
        return rows.filter(**{self.column: self.chosen == "yes"})


class BotFilter(FlagFilter):
    """By whether a bot sent it; what has no user agent is no bot's."""

    title = "bot"
    parameter_name = column = "is_bot"

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows of bots, or all others."""
        return rows.filter(is_bot=True) if self.chosen == "yes" else rows.exclude(is_bot=True)


# The filter for each type of column; times and lists have none.
BY_TYPE: tuple[tuple[type[models.Field[Any, Any]], type[ChoiceFilter]], ...] = (
    (models.TextField, TextFilter),
    (models.FloatField, NumberFilter),
    (models.BigIntegerField, NumberFilter),
    (models.DecimalField, NumberFilter),
    (models.BooleanField, FlagFilter),
)


def filters_of(columns: Iterable[Any]) -> list[type[ChoiceFilter]]:
    """A filter for each of a kind's own columns that can have one."""
    return [
        type(
            f"{column.attname.title()}Filter",
            (base,),
            {
                "title": field_label(column),
                "parameter_name": column.attname,
                "column": column.attname,
                "of_kind": True,
                "__doc__": column.help_text,
            },
        )
        for column in columns
        for type_, base in BY_TYPE
        if isinstance(column, type_)
    ]


def parse_number(text: str) -> float:
    """Return the number that a person typed. Raises ValueError, also for NaN, infinity and what overflows."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text:.40} is not a finite number")
    return found


def _instant_or_none(text: str) -> datetime | None:
    """Return the same, or None for what can't be meant."""
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        return None


def parse_instant(text: str) -> datetime:
    """Return the time that a form or an address has as text. Raises ValueError with a sentence's beginning,
    also before 1970.
    """
    at = times.parse_time(text)
    if at.astimezone(UTC) < EPOCH:
        raise ValueError(f"{text:.60} is before 1970, when there were no events")
    return at
