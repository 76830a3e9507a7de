"""Keyset paging for lists of any size: a page comes `after` a key (older) or `before` one (newer)."""

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest

from events.admin.base import ChangeList, TallyAdmin
from events.admin.filters import ChoiceFilter
from events.keyset import Order, Slice, UnknownKey, cut

AFTER, BEFORE = "after", "before"
_BETWEEN = "~"  # the parts of a key in an address: no time, number or id has it in it


def parts_of(key: str) -> list[str]:
    """A key as an address has it, in its parts."""
    return key.split(_BETWEEN) if key else []


def text_of(parts: list[str]) -> str:
    """A key as an address has it."""
    return _BETWEEN.join(parts)


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
        return [f"-{key}" for key in self.model_admin.list_order.keys]

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page, and the links to its neighbours."""
        size = self.list_per_page
        after, before = request.GET.get(AFTER, ""), request.GET.get(BEFORE, "")
        page = self._cut(size, after or before, backward=bool(before and not after))
        if before and len(page.rows) < size:
            # The newest page, cut short by where its neighbour began: show it whole.
            after = before = ""
            page = self._cut(size)
        rows = page.rows
        self.older, self.newer = self._link(AFTER, page.next), self._link(BEFORE, page.previous)
        self.newest = self.get_query_string(remove=[AFTER, BEFORE]) if after or before else ""
        self.result_list = rows
        # What Django's and unfold's templates ask for; equal counts, and no total is shown.
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, size)
        # The filters stand above the list; unfold's sheet beside it would only repeat them.
        self.has_filters = False

    def _cut(self, size: int, key: str = "", *, backward: bool = False) -> Slice:
        rows: models.QuerySet[Any] = self.queryset
        if columns := self.model_admin.list_columns:
            rows = rows.only(*columns)
        try:
            return cut(rows, self.model_admin.list_order, size, key=parts_of(key), backward=backward)
        except UnknownKey as error:
            raise IncorrectLookupParameters(error) from error

    def _link(self, direction: str, row: models.Model | None) -> str:
        if row is None:
            return ""
        key = text_of(self.model_admin.list_order.key_of(row))
        return self.get_query_string({direction: key}, remove=[AFTER, BEFORE])

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
    list_order = Order(("pk",), descending=True)
    list_columns: ClassVar[tuple[str, ...]] = ()  # that the list reads: rows may hold much more than it shows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """The list by keyset."""
        return KeysetChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only by the filters: any other column would read the whole table, and tell what it holds."""
        filters: tuple[type[ChoiceFilter], ...] = tuple(self.list_filter)
        return lookup in {each.parameter_name for each in filters}
