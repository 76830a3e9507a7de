"""Filters of the list of rejected events, and the selection that they make."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import models
from django.http import HttpRequest
from django.utils.dateparse import parse_date

from events.admin.filters import (
    ChoiceFilter,
    DialectFilter,
    FieldFilter,
    KindFilter,
    OwnerFilter,
    TextFilter,
    TimeFilter,
    VisibleSourceFilter,
    parse_instant,
)
from events.admin.lists import KeysetChangeList
from events.lib import times
from ingestion.rejected import remedies
from ingestion.rejected.event import Selection

UNTOLD = "-"  # an unknown kind, in the address


class CodeFilter(ChoiceFilter):
    """By the code of the reason."""

    title = "code"
    parameter_name = "code"
    column = "code"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return all codes."""
        return [(code, code) for code in sorted({**remedies.REMEDIES, **remedies.MET_BY_REPLAYS})]


class RejectedKindFilter(KindFilter):
    """By kind of event, or by that it could not be told."""

    takes_many = False

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return all kinds, and one option for unknown kinds."""
        return [(UNTOLD, "not known"), *super().lookups(request, model_admin)]

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows of the selected kind."""
        return rows.filter(kind="" if self.chosen == UNTOLD else self.chosen)


class DayFilter(ChoiceFilter):
    """By the day of the first receipt, UTC; pages of accounts link to it."""

    title = "day of receipt"
    parameter_name = "day"

    @property
    def problem(self) -> str:
        """Return the error for a value that isn't a day, and what to write instead."""
        try:
            times.parse_day(self.chosen)
        except ValueError as error:
            return f"{self.title.capitalize()}: {error}." if self.chosen else ""
        return ""

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the selected day; there are too many to offer."""
        day = _day(request.GET.get(self.parameter_name, ""))
        return [(day.date().isoformat(), day.date().isoformat())] if day else []

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows that were first received on the day."""
        day = _day(self.chosen)
        assert day is not None
        return rows.filter(received_at__gte=day, received_at__lt=day + timedelta(days=1))


class PathFilter(TextFilter):
    """By the path of the field at fault, or by that none is named."""

    title = parameter_name = column = "path"

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the rows with the path."""
        return rows.filter(path="") if self.chosen == UNTOLD else super().narrow(request, rows)


class LastReceivedSinceFilter(TimeFilter):
    """Last received at a time or later: groups of a period link to it."""

    title = "last received from"
    parameter_name = "last_since"
    lookup = "last_received_at__gte"


class ReceivedSinceFilter(TimeFilter):
    """First received at a time or later."""

    title = "first received from"
    parameter_name = "since"
    lookup = "received_at__gte"


class ReceivedUntilFilter(TimeFilter):
    """First received before a time."""

    title = "before"
    parameter_name = "until"
    lookup = "received_at__lt"


FILTERS = (
    *(OwnerFilter, VisibleSourceFilter, RejectedKindFilter, CodeFilter, DialectFilter, DayFilter),
    *(PathFilter, LastReceivedSinceFilter, ReceivedSinceFilter, ReceivedUntilFilter),
)


def _day(text: str) -> datetime | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def selection_of(changelist: "RejectedChangeList") -> Selection:
    """Return the active filters as a replay keeps them.

    Selects nothing if a filter is invalid or unknown, or one that replays don't have.
    """
    is_refused = any(spec.is_refused for spec in changelist.filter_specs)
    if changelist.unread or is_refused or not changelist.can_replay:
        return Selection(ids=())
    chosen = {spec.parameter_name: spec.values for spec in changelist.filter_specs if spec.chosen}
    first = {name: values[0] for name, values in chosen.items()}
    kind, path = first.get("kind"), first.get("path")
    try:
        since, until = _stretch(first)
        last_since = parse_instant(first["last_since"]) if "last_since" in first else None
        owners, sources = (_keys(chosen.get(name)) for name in ("owner", "source"))
    except (ValueError, OverflowError):
        return Selection(ids=())
    return Selection(
        owners=owners,
        sources=sources,
        code=first.get("code"),
        kind="" if kind == UNTOLD else kind,
        dialect=first.get("dialect"),
        path="" if path == UNTOLD else path,
        last_since=last_since.isoformat() if last_since else None,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
    )


def _keys(values: list[str] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(map(int, values))


def _stretch(first: dict[str, str]) -> tuple[datetime | None, datetime | None]:
    """From when, and before when: where a day and times are chosen, what they have in common."""
    day = _day(first.get("day", ""))
    since = [day] if day else []
    until = [day + timedelta(days=1)] if day else []
    since += [parse_instant(first["since"])] if "since" in first else []
    until += [parse_instant(first["until"])] if "until" in first else []
    return max(since, default=None), min(until, default=None)


class RejectedChangeList(KeysetChangeList):
    """A list with rows to select."""

    @property
    def can_replay(self) -> bool:
        """True if a replay can keep all active filters: those of the form."""
        return not any(spec.chosen for spec in self.filter_specs if isinstance(spec, FieldFilter))

    def get_results(self, request: HttpRequest) -> None:
        """Load the rows of the page; selected rows can be replayed or discarded."""
        super().get_results(request)
        self.show_admin_actions = bool(self.result_list)
