"""The list of rejected events, those that came last first; its filters, and what they select."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.utils.dateparse import parse_date

from events.admin.filters import ChoiceFilter, DialectFilter, KindFilter, OwnerFilter, SourceFilter
from events.admin.paging import KeysetChangeList
from ingestion import remedies
from ingestion.selections import Selection

UNTOLD = "-"  # stands for a kind that could not be told, in the address


class CodeFilter(ChoiceFilter):
    """By the code of the reason."""

    title = "code"
    parameter_name = "code"
    column = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """All codes that there are."""
        return [(code, code) for code in sorted({**remedies.REMEDIES, **remedies.MET_BY_REPLAYS})]


class RejectedKindFilter(KindFilter):
    """By kind of event, or by that it could not be told."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """All kinds that there are."""
        return [(UNTOLD, "not known"), *super().lookups(request, model_admin)]

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Those of the chosen kind."""
        return rows.filter(kind="" if self.chosen == UNTOLD else self.chosen)


class DayFilter(ChoiceFilter):
    """By the day of the first receipt, UTC; pages of accounts link to it."""

    title = "day of receipt"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The day in force: there are too many to offer."""
        day = _day(request.GET.get(self.parameter_name, ""))
        return [(day.date().isoformat(), day.date().isoformat())] if day else []

    def narrow(self, request: HttpRequest, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Those that first came on the day."""
        day = _day(self.chosen)
        assert day is not None
        return rows.filter(received_at__gte=day, received_at__lt=day + timedelta(days=1))


FILTERS = (OwnerFilter, SourceFilter, RejectedKindFilter, CodeFilter, DialectFilter, DayFilter)


def _day(text: str) -> datetime | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def selection_of(changelist: KeysetChangeList) -> Selection:
    """The filters in force, as what a replay keeps."""
    chosen = {spec.parameter_name: spec.chosen for spec in changelist.filter_specs if spec.chosen}
    day = _day(chosen.get("day", ""))
    kind = chosen.get("kind")
    return Selection(
        owners=(int(chosen["owner"]),) if "owner" in chosen else None,
        sources=(int(chosen["source"]),) if "source" in chosen else None,
        code=chosen.get("code"),
        kind="" if kind == UNTOLD else kind,
        dialect=chosen.get("dialect"),
        since=day.isoformat() if day else None,
        until=(day + timedelta(days=1)).isoformat() if day else None,
    )


class RejectedChangeList(KeysetChangeList):
    """A list of which some rows can be chosen."""

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page; what is chosen of them can be replayed or discarded."""
        super().get_results(request)
        self.show_admin_actions = bool(self.result_list)
