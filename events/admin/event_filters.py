"""Filters of lists of events that are typed in: texts of the envelope, a range of time, columns of a kind."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.http import HttpRequest

from events import times
from events.admin.facts import label_of
from events.admin.filters import ChoiceFilter
from events.identity import EPOCH, first_id


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
            instant(self.chosen)
        except (ValueError, OverflowError) as error:
            return f"{self.title.capitalize()}: {error}." if self.chosen else ""
        return ""

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows on this side of it."""
        return rows.filter(**{self.lookup: self.bound(instant(self.chosen))})

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
        return _instant(self.chosen), None


class UntilFilter(SinceFilter):
    """Occurred before a time."""

    title = "before"
    parameter_name = "until"
    lookup = "pk__lt"

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the begin and the end of the time that it leaves."""
        return None, _instant(self.chosen)


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
        return rows.filter(**{self.column: number(self.chosen)})


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
                "title": label_of(column),
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


def number(text: str) -> float:
    """Return the number that a person typed. Raises ValueError, also for NaN, infinity and what overflows."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text:.40} is not a finite number")
    return found


def _instant(text: str) -> datetime | None:
    """Return the same, or None for what can't be meant."""
    try:
        return instant(text)
    except (ValueError, OverflowError):
        return None


def instant(text: str) -> datetime:
    """Return the time that a form or an address has as text. Raises ValueError with a sentence's beginning,
    also before 1970.
    """
    at = times.read(text)
    if at.astimezone(UTC) < EPOCH:
        raise ValueError(f"{text:.60} is before 1970, when there were no events")
    return at
