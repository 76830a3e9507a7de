"""Lists of events that any filter may narrow: without an index one looks through windows and says how far."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.http import HttpRequest

from events.admin.base import OwnedAdmin
from events.admin.filters import ChoiceFilter
from events.admin.paging import AFTER, BEFORE, KeysetAdmin, KeysetChangeList
from events.admin.scope import scope_of
from events.admin.searching import HELP, search
from events.event import Event
from events.identity import moment, occurred_ms
from events.keyset import Slice
from events.walk import Edge, Question


class WalkChangeList(KeysetChangeList):
    """A list that asks one question, whatever is filtered."""

    question: Question

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> models.QuerySet[Any]:
        """The question's rows; the question itself is what pages are cut from."""
        specs: Any
        specs, self.has_filters, _, _, self.has_active_filters = self.get_filters(request)
        self.filter_specs = specs
        self.clear_all_filters_qs = self.get_query_string(remove=list(self.get_filters_params()))
        chosen = [spec for spec in self.filter_specs if spec.chosen]
        self.question = self.model_admin.question(request, chosen, self.query)
        return self.question.rows.order_by("-pk")

    def turn(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """A page of the answer."""
        return self.question.page(size, key=key, backward=backward)

    @property
    def looked_back_to(self) -> datetime | None:
        """The time up to which this page looked in vain, where there is more behind it."""
        edge = self.slice.next
        return moment(occurred_ms(edge.pk.int)) if isinstance(edge, Edge) else None

    @property
    def more_filters(self) -> list[Any]:
        """The filters of a kind's own columns: many, so folded."""
        return [spec for spec in self.filter_specs if spec.of_kind]

    @property
    def has_more_chosen(self) -> bool:
        """Whether one of those is in force."""
        return any(spec.chosen for spec in self.more_filters)

    @property
    def export_query(self) -> str:
        """The address' query of everything that passes the filters."""
        return str(self.get_query_string(remove=[AFTER, BEFORE])).lstrip("?")


class WalkAdmin(OwnedAdmin, KeysetAdmin):
    """A list of events, of all kinds or of one."""

    change_list_template = "admin/walk_list.html"
    search_fields = ("session",)  # Django wants one; `searching` says what is searched
    search_help_text = HELP

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """The list by windows."""
        return WalkChangeList

    def question(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> Question:
        """What filters and search ask."""
        raise NotImplementedError


def envelopes_of(
    request: HttpRequest, filters: list[ChoiceFilter], term: str
) -> tuple[models.QuerySet[Any], models.QuerySet[Any], bool]:
    """The envelopes that the person may see and that are asked for; without what no index helps with; whether
    that is the same.
    """
    rows: Any = scope_of(request).limit(Event.objects.all())
    indexed, is_indexed = rows, True
    found = search(rows, term)
    for spec in filters:
        if spec.of_kind:
            continue
        rows = spec.queryset(request, rows)
        is_indexed = is_indexed and spec.is_indexed
        if spec.is_indexed:
            indexed = spec.queryset(request, indexed)
    if found is not None:
        rows = found.narrow(rows)
        is_indexed = is_indexed and found.is_indexed
        indexed = found.narrow(indexed) if found.is_indexed else indexed
    return rows, indexed, is_indexed


def in_time(request: HttpRequest, filters: list[ChoiceFilter], rows: Any) -> Any:
    """Rows of any table of events, of the time that is asked for."""
    for spec in filters:
        if spec.of_time:
            rows = spec.queryset(request, rows)
    return rows
