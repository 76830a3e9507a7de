"""Keyset paging for lists of any size: no COUNT, no OFFSET, one query a page.

A page is what comes `after` a key (older), or `before` one (newer). One row more than the page has tells
whether there is another; how many rows there are in all is never asked.
"""

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest

from events.admin.base import ChangeList, TallyAdmin
from events.admin.filters import ChoiceFilter

AFTER, BEFORE = "after", "before"


class KeysetPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Brings unfold the template of the page links; counts nothing."""

    template_name = "admin/keyset_pagination.html"
    count = 0


class KeysetChangeList(ChangeList):
    """A list in the order of its keys, newest first."""

    filter_specs: list[Any]
    model_admin: Any

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The parameters that are filters: the keys of pages are none."""
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (AFTER, BEFORE)}

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        """The one order that pages can be cut from."""
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page, and the links to its neighbours."""
        size = self.list_per_page
        after, before = request.GET.get(AFTER), request.GET.get(BEFORE)
        rows, has_more = self._rows(size, after, before)
        if before and len(rows) < size:
            # The newest page, cut short by where its neighbour began: show it whole.
            after = before = None
            rows, has_more = self._rows(size)
        self.older = self._link(AFTER, rows[-1]) if rows and (before or has_more) else ""
        self.newer = self._link(BEFORE, rows[0]) if rows and (after or (before and has_more)) else ""
        self.newest = self.get_query_string(remove=[AFTER, BEFORE]) if after or before else ""
        self.result_list = rows
        # What Django's and unfold's templates ask for; equal counts, and no total is shown.
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, size)
        # The filters stand above the list; unfold's sheet beside it would only repeat them.
        self.has_filters = False

    def _rows(self, size: int, after: str | None = None, before: str | None = None) -> tuple[list[Any], bool]:
        """The rows of a page, newest first, and whether there are more in the direction of travel."""
        rows: models.QuerySet[Any] = self.queryset
        if columns := self.model_admin.list_columns:
            rows = rows.only(*columns)
        try:
            if after:
                rows = rows.filter(pk__lt=after)
            elif before:
                rows = rows.filter(pk__gt=before).order_by("pk")
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error
        found = list(rows[: size + 1])
        page = found[:size]
        if before and not after:
            page.reverse()
        return page, len(found) > size

    def _link(self, direction: str, row: models.Model) -> str:
        return self.get_query_string({direction: str(row.pk)}, remove=[AFTER, BEFORE])

    @property
    def chips(self) -> list[tuple[str, str]]:
        """The filters in force, each with the link that lifts it."""
        found = [
            (
                f"{spec.title}: {spec.chosen_label}",
                self.get_query_string(remove=[spec.parameter_name, AFTER, BEFORE]),
            )
            for spec in self.filter_specs
            if spec.chosen
        ]
        if self.query:
            found.append((f"search: {self.query}", self.get_query_string(remove=["q", AFTER, BEFORE])))
        return found


class KeysetAdmin(TallyAdmin):
    """A list that goes by keyset, with its filters above it."""

    change_list_template = "admin/keyset_list.html"
    paginator = KeysetPaginator
    show_full_result_count = False
    sortable_by: ClassVar[Any] = ()
    list_per_page = 50
    list_filter: ClassVar[Any] = ()  # of ChoiceFilter
    list_columns: ClassVar[tuple[str, ...]] = ()  # that the list reads: rows may hold much more than it shows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """The list by keyset."""
        return KeysetChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only by the filters: any other column would read the whole table, and tell what it holds."""
        filters: tuple[type[ChoiceFilter], ...] = tuple(self.list_filter)
        return lookup in {each.parameter_name for each in filters}
