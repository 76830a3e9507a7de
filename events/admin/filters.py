"""Filters of lists, shown in a form above the list.

Each offers fixed choices or takes typed text. A value that isn't offered or isn't valid selects nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.access import access_of, labels_of
from events.admin.display import field_label
from events.fields.conditions import Condition, Conditions, Parsed, Target, parse
from events.fields.sql import on_rows
from events.fields.types import FLAG, IN, ISNULL, JSON
from events.fields.vocabulary import Vocabulary, of_events, of_kind
from events.identity import EPOCH, first_id
from events.kinds import KINDS
from events.lib import times
from events.store.sources import with_merged
from events.store.versions import OVERFLOW, has_version
from events.wire.dialects import DIALECTS

SOURCES_FROM_DAYS = 91  # a source that has sent nothing for longer is not offered to members


@dataclass(frozen=True)
class Option:
    """One choice of a filter."""

    value: str
    label: str
    is_chosen: bool


class ChoiceFilter(SimpleListFilter):
    """A filter by one of several values. An empty value selects everything."""

    title = ""
    parameter_name = ""
    column = ""  # that is compared with the value
    input_type = ""  # of the form field; empty for a choice
    is_indexed = False  # an index serves the matching events in the order of ids
    of_time = False  # it limits ids, so it applies to every table of events
    takes_many = False  # accepts several values separated by commas, as reports link

    def has_output(self) -> bool:
        """Return True, so that the parameter is removed even if there are no choices."""
        return True

    @property
    def is_folded(self) -> bool:
        """True if the form shows the filter on demand."""
        return self.input_type == "text"

    @property
    def chosen(self) -> str:
        """The active value, or an empty text."""
        return str(self.value() or "")

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the start and end of the time that it selects; None for an open side."""
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
        """The active values."""
        return self.chosen.split(",") if self.takes_many else [self.chosen]

    @property
    def chosen_label(self) -> str:
        """The label of the active value."""
        labels = {str(value): str(label) for value, label in self.lookup_choices}
        return ", ".join(labels.get(value, value) for value in self.values)

    @property
    def options(self) -> list[Option]:
        """The choices of the form. Several active values form an additional choice."""
        found = [
            Option(str(value), str(label), str(value) == self.chosen) for value, label in self.lookup_choices
        ]
        return [Option(self.chosen, self.chosen_label, True), *found] if len(self.values) > 1 else found

    @property
    def is_refused(self) -> bool:
        """True if the active value isn't offered to this person. It selects nothing."""
        offered = {str(value) for value, _ in self.lookup_choices}
        return bool(self.chosen) and not offered.issuperset(self.values)

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the matching rows; none for a value that isn't offered."""
        if not self.chosen:
            return queryset
        if self.is_refused:
            return queryset.none()
        return self.narrow(request, queryset)

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows that have one of the active values."""
        many = len(self.values) > 1
        return rows.filter(**{f"{self.column}__in": self.values} if many else {self.column: self.chosen})


class OwnerFilter(ChoiceFilter):
    """Filter by the owners that the person sees."""

    title = "owner"
    parameter_name = "owner"
    column = "owner_id"
    takes_many = True
    is_indexed = True

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the owners that the person sees."""
        owners = access_of(request).owners
        return [(str(owner.pk), label) for owner, label in zip(owners, labels_of(owners), strict=True)]


class SourceFilter(ChoiceFilter):
    """Filter by the sources of stored events of the person's owners."""

    title = "source"
    parameter_name = "source"
    column = "source_id"
    takes_many = True

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the sources of the person's owners."""
        sources = list(access_of(request).listed_sources.select_related("organization"))
        return [(str(source.pk), label) for source, label in zip(sources, labels_of(sources), strict=True)]

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows of the selected sources and of those merged into them."""
        chosen = [int(value) for value in self.values]
        return rows.filter(source_id__in=with_merged(chosen))


class VisibleSourceFilter(SourceFilter):
    """Filter by all sources that the person may see, for lists that include rejected events."""

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the sources of everything that the person's owners received."""
        sources = list(access_of(request).visible_sources.select_related("organization"))
        return [(str(source.pk), label) for source, label in zip(sources, labels_of(sources), strict=True)]


class KindFilter(ChoiceFilter):
    """Filter by kind of event."""

    title = "kind"
    parameter_name = "kind"
    column = "kind"
    takes_many = True

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return all kinds."""
        return [(name, name) for name in sorted(KINDS)]


class DialectFilter(ChoiceFilter):
    """Filter by wire format."""

    title = "dialect"
    parameter_name = "dialect"
    column = "dialect"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return all dialects."""
        return [(name, name) for name in sorted(DIALECTS)]


class PeriodFilter(ChoiceFilter):
    """Filter by time of occurrence, with ranges of ids, so that partitions are pruned."""

    title = "time"
    parameter_name = "period"
    is_indexed = of_time = True

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the periods."""
        return list(PERIODS.items())

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the events that occurred in the period."""
        since, until = period(self.chosen, timezone.localtime())
        rows = rows.filter(pk__gte=first_id(since))
        return rows.filter(pk__lt=first_id(until)) if until else rows

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the start and end of the time that it selects."""
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
    """Return the start and end of a period, in the zone of `now`. Today counts among the last days."""
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
    """A filter by typed text. An invalid value selects nothing."""

    input_type = "text"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return no choices."""
        return ()

    @property
    def is_refused(self) -> bool:
        """False: `narrow` handles invalid values."""
        return False

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the matching rows; none for an invalid value."""
        if not self.chosen:
            return queryset
        try:
            return self.narrow(request, queryset)
        except (ValueError, OverflowError):
            return queryset.none()


class TextFilter(TypedFilter):
    """Filter by a whole text."""

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows with the text. None has a NUL, which PostgreSQL doesn't accept."""
        if "\x00" in self.chosen:
            return rows.none()
        return rows.filter(**{self.column: self.chosen})


class ListedFilter(TextFilter):
    """Filter by a text without an index, or by one of several, separated by commas, as reports link."""

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows with the whole text or one of its parts."""
        if "," not in self.chosen:
            return super().narrow(request, rows)
        if "\x00" in self.chosen:
            return rows.none()
        return rows.filter(**{f"{self.column}__in": self.parts})

    @property
    def parts(self) -> list[str]:
        """The whole text, and what is between its commas."""
        return [self.chosen, *self.chosen.split(",")]


class VersionFilter(ListedFilter):
    """Filter by version of the source."""

    title = parameter_name = column = "version"

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows of the versions, also of those that reports count as one."""
        if OVERFLOW not in self.parts or "\x00" in self.chosen:
            return super().narrow(request, rows)
        return rows.filter(has_version(self.parts))


class CountryFilter(ListedFilter):
    """Filter by country."""

    title = parameter_name = column = "country"


class TimeFilter(TypedFilter):
    """Filter by one end of a period, in the time zone of the page."""

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

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows on this side of the time."""
        return rows.filter(**{self.lookup: self.bound(parse_instant(self.chosen))})

    def bound(self, at: datetime) -> datetime | UUID:
        """Return the value that the column is compared with."""
        return at


class SinceFilter(TimeFilter):
    """Filter by occurrence at a time or later."""

    is_indexed = of_time = True
    title = "from"
    parameter_name = "since"
    lookup = "pk__gte"

    def bound(self, at: datetime) -> UUID:
        """Return the first event id of the time."""
        return first_id(at)

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the start and end of the time that it selects."""
        return _instant_or_none(self.chosen), None


class UntilFilter(SinceFilter):
    """Filter by occurrence before a time."""

    title = "before"
    parameter_name = "until"
    lookup = "pk__lt"

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the start and end of the time that it selects."""
        return None, _instant_or_none(self.chosen)


class ReceiptFilter(TimeFilter):
    """Filter by one end of a period of receipt. The list is then ordered by time of receipt."""

    @property
    def is_folded(self) -> bool:
        """True, since people mostly look for the time of occurrence."""
        return True


class ReceivedSinceFilter(ReceiptFilter):
    """Filter by receipt at a time or later."""

    title = "received from"
    parameter_name = "received_since"
    lookup = "received_at__gte"


class ReceivedUntilFilter(ReceiptFilter):
    """Filter by receipt before a time."""

    title = "received before"
    parameter_name = "received_until"
    lookup = "received_at__lt"


class FlagFilter(ChoiceFilter):
    """Filter by yes or no, or by true or false as in the API."""

    @property
    def chosen(self) -> str:
        """The active value: yes, no, or an invalid text."""
        text = super().chosen
        return {"true": "yes", "false": "no"}.get(text.lower(), text)

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return yes and no."""
        return [("yes", "yes"), ("no", "no")]

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows with that value."""
        return rows.filter(**{self.column: self.chosen == "yes"})


class BotFilter(FlagFilter):
    """Filter by events of bots. Events without a user agent aren't from bots."""

    title = "bot"
    parameter_name = column = "is_bot"

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows of bots, or all others."""
        return rows.filter(is_bot=True) if self.chosen == "yes" else rows.exclude(is_bot=True)


class FieldFilter(ChoiceFilter):
    """A filter by a field of the vocabulary. An invalid value selects nothing."""

    vocabulary: Vocabulary

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return yes and no for a field that is true or false."""
        return [("yes", "yes"), ("no", "no")] if self._is_flag else ()

    @property
    def _is_flag(self) -> bool:
        fields, operator = self.vocabulary.read(self.parameter_name)
        return operator == ISNULL or all(field.type is FLAG for field in fields)

    @property
    def input_type(self) -> str:  # type: ignore[override]  # a constant of all others
        """The type of the form field."""
        return "" if self._is_flag else "text"

    @property
    def is_folded(self) -> bool:
        """True: the form shows these on demand."""
        return True

    @cached_property
    def _parsed(self) -> Parsed:
        name = self.parameter_name
        if self.takes_many and "," in self.chosen:
            # One of several, or the whole text.
            texts = [self.chosen, *self.chosen.split(",")]
            fields, _ = self.vocabulary.read(name)
            targets = tuple(Target(field, tuple(map(field.type.read, texts))) for field in fields)
            return Parsed(Conditions((Condition(name, IN, targets),)))
        return parse(self.vocabulary, [(name, self.chosen)])

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions of the active value."""
        return self._parsed.conditions.each

    @property
    def is_refused(self) -> bool:
        """True if the active value is invalid."""
        return bool(self._parsed.errors)

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows that meet the conditions, of the table that the fields are about."""
        return rows.filter(on_rows(self._parsed.conditions, access_of(request)))

    @property
    def problem(self) -> str:
        """The error of the active value."""
        found = [sentence for sentences in self._parsed.errors.values() for sentence in sentences]
        return f"{self.title.capitalize()}: {found[0]}" if found else ""


def field_filter(
    vocabulary: Vocabulary, name: str, title: str = "", *, takes_many: bool = False
) -> type[FieldFilter]:
    """Build a filter by a field."""
    members = {
        "title": title or name,
        "parameter_name": name,
        "vocabulary": vocabulary,
        "takes_many": takes_many,
        "__doc__": vocabulary.read(name)[0][0].help_text,
    }
    return type("FieldFilter", (FieldFilter,), members)


# Fields of the envelope that forms offer, with their titles. Those that reports link take several values.
OFFERED = {
    "session": "session",
    "actor": "actor",
    "device": "device",
    "object_id": "object",
    "object_type": "object type",
    "environment": "environment",
    "channel": "channel",
    "version": "version",
    "country": "country",
    "platform": "platform",
    "is_bot": "bot",
}
LINKED = ("version", "country")


def offered_filters(kind: str = "") -> list[type[FieldFilter]]:
    """Return the filters by fields that the form of a list has: of the envelope, then of the kind.

    A kind's column replaces the envelope's of the same name, which was filled from it.
    """
    names = of_kind(kind) if kind else of_events()
    own = [name for name, (field, *_) in names if kind and field.kind == kind and field.type is not JSON]
    return [
        *(
            field_filter(names, name, title, takes_many=name in LINKED)
            for name, title in OFFERED.items()
            if name not in own
        ),
        *(field_filter(names, name, _label(kind, name)) for name in own),
    ]


def _label(kind: str, name: str) -> str:
    model = KINDS[kind].model
    return field_label(next(field for field in model._meta.concrete_fields if field.attname == name))


def _instant_or_none(text: str) -> datetime | None:
    """Parse a time, or return None if it is invalid."""
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        return None


def parse_instant(text: str) -> datetime:
    """Parse a time from a form or URL. Raises ValueError with a sentence's beginning, also before 1970."""
    at = times.parse_time(text)
    if at.astimezone(UTC) < EPOCH:
        raise ValueError(f"{text:.60} is before 1970, when there were no events")
    return at
