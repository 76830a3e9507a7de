"""Lists of any size with keyset paging: pages are `after` a key (older rows) or `before` one (newer)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import models
from django.db.models.expressions import Combinable
from django.http import HttpRequest

from events.admin.base import TallyAdmin, TallyChangeList
from events.admin.filters import ChoiceFilter, field_filter
from events.fields.vocabulary import Vocabulary
from events.lib.paging import InvalidCursor, Order, Slice, keyset_page

AFTER, BEFORE = "after", "before"
_BETWEEN = "~"  # separates the parts of a cursor: no time, number or id contains it


class PageSource(Protocol):
    """A function that returns the page after a key, or before it."""

    def __call__(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """Return the page. Raises `InvalidCursor`."""


def requested_page_of(page_of: PageSource, size: int, asked: Mapping[str, str]) -> tuple[Slice, bool]:
    """Return the requested page, and True if it is the first. Raises `InvalidCursor`."""
    after, before = asked.get(AFTER, ""), asked.get(BEFORE, "")
    key = after or before
    page = page_of(size, key=key.split(_BETWEEN) if key else (), backward=bool(before and not after))
    if before and not after and page.previous is None and len(page.rows) < size:
        # This is the first page, cut short where its neighbour starts. Show all of it.
        return page_of(size), True
    return page, not key


def requested_page(
    rows: models.QuerySet[models.Model], order: Order, size: int, asked: Mapping[str, str]
) -> tuple[Slice, bool]:
    """Return the requested page of rows in an order, and True if it is the first."""
    return requested_page_of(partial(keyset_page, rows, order), size, asked)


def cursor_text(order: Order, row: models.Model) -> str:
    """Return the cursor of a row for a URL."""
    return _BETWEEN.join(order.key_of(row))


class KeysetPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Provides unfold's template for the page links. It counts nothing."""

    template_name = "admin/keyset_pagination.html"
    count = 0


class KeysetChangeList(TallyChangeList):
    """A list ordered by keys, newest first."""

    filter_specs: list[Any]  # of ChoiceFilter
    model_admin: "KeysetAdmin"

    def get_filters_params(self, params: dict[str, object] | None = None) -> dict[str, object]:
        """Return the parameters of filters, without those of pages."""
        found: dict[str, object] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (AFTER, BEFORE)}

    def get_ordering(
        self, request: HttpRequest, queryset: models.QuerySet[models.Model]
    ) -> list[str | Combinable]:
        """Return the order of the keys."""
        return [f"-{key}" for key in self.model_admin.list_order.keys]

    def apply_select_related(self, queryset: models.QuerySet[models.Model]) -> models.QuerySet[models.Model]:
        """Return the queryset unchanged. Django would join every owner and source that a column names."""
        return queryset

    @property
    def order(self) -> Order:
        """The order of the pages."""
        found: Order = self.model_admin.list_order
        return found

    def page_of(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """Return a page of the list."""
        rows: models.QuerySet[models.Model] = self.queryset
        if columns := self.model_admin.list_columns:
            rows = rows.only(*columns)
        return keyset_page(rows, self.order, size, key=key, backward=backward)

    def get_results(self, request: HttpRequest) -> None:
        """Load the rows of the page, and build the links to its neighbours."""
        size = self.list_per_page
        try:
            page, is_first = requested_page_of(self.page_of, size, request.GET)
        except InvalidCursor as error:
            raise IncorrectLookupParameters(error) from error
        self.slice = page
        self.older, self.newer = self._link(AFTER, page.next), self._link(BEFORE, page.previous)
        self.newest = "" if is_first else self.get_query_string(remove=[AFTER, BEFORE])
        self.result_list = page.rows
        # Django's and unfold's templates read these. The counts are equal, and no total is shown.
        self.result_count = self.full_result_count = len(page.rows)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, size)
        # The filters are above the list, so unfold's sheet would only repeat them.
        self.has_filters = False

    def _link(self, direction: str, row: models.Model | None) -> str:
        if row is None:
            return ""
        key = cursor_text(self.order, row)
        return self.get_query_string({direction: key}, remove=[AFTER, BEFORE])

    @property
    def chips(self) -> list[tuple[str, str]]:
        """The active filters, each with a link that removes it."""
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
    """A list in pages by keyset, with its filters above it."""

    change_list_template = "admin/keyset_list.html"
    paginator = KeysetPaginator
    show_full_result_count = False
    sortable_by: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    list_filter: ClassVar[tuple[type[ChoiceFilter], ...]] = ()
    list_order = Order(("pk",), descending=True)
    list_columns: ClassVar[tuple[str, ...]] = ()  # columns that the list reads, since rows may be much larger
    vocabulary: Vocabulary | None = None  # of the filters beside those of the form

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[KeysetChangeList]:
        """Return the class of the list."""
        return KeysetChangeList

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Add the filters of the address that the form doesn't have."""
        listed: Any = super().get_list_filter(request)
        offered = {spec.parameter_name for spec in listed}
        further = [name for name in request.GET if name not in offered and self._knows(name)]
        return (*listed, *(field_filter(self.vocabulary, name) for name in further if self.vocabulary))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """True for the filters of the form and of the vocabulary: other columns would reveal values."""
        return lookup in {each.parameter_name for each in self.list_filter} or self._knows(lookup)

    def _knows(self, name: str) -> bool:
        return self.vocabulary is not None and bool(self.vocabulary.read(name)[0])
