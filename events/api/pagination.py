"""Keyset paging: a page starts after a key. No OFFSET and no counts, whatever the table's size.

DRF's cursor falls back to OFFSET for equal values, and all events of a batch are received at the same moment.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from events.api.problems import BadParameter
from events.lib import times
from events.lib.paging import (
    FIRST_RECEIVED_FIRST,
    LAST_STARTED_FIRST,
    NEWEST_FIRST,
    EventQuery,
    InvalidCursor,
    Order,
    Slice,
    WindowEnd,
    keyset_page,
)
from events.store import retention
from events.wire.values import is_unstorable

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000
KEPT_SINCE = "Kept-Since"  # header
CURSOR, SIZE, ORDERING = "cursor", "page_size", "ordering"
SEARCHED = "searched_back_to"


class KeysetPagination(BasePagination):
    """Pages of `results` with links to the `next` and the `previous` one.

    `orders` has the order of each value that `ordering` may have.
    """

    orders: dict[str, Order] = {"-id": Order(("id",), descending=True)}
    default = "-id"
    begin = ""  # parameter that a list's rows begin at

    def kept_since(self) -> datetime | None:
        """Return the time before which rows of the list were removed; None if none were."""
        return None

    def paginate_queryset(  # type: ignore[override]  # of a queryset, never of a list
        self, queryset: QuerySet[Model], request: Request, view: APIView | None = None
    ) -> list[object]:
        """Return the rows of the requested page."""
        size, key, backward = self._begin(request, PAGE_SIZE)
        self.page = self._checked_cut(queryset, size, key, backward)
        return self.page.rows

    def _begin(self, request: Request, default: int) -> tuple[int, list[str], bool]:
        """Return the requested size, key and direction. Raises `BadParameter`."""
        self.order = self.order_of(request)
        self.url = request.build_absolute_uri()
        self.asked_begin = request.query_params.get(self.begin, "")
        size = _size(request.query_params.get(SIZE, ""), default)
        backward, key = _decode(request.query_params.get(CURSOR, ""))
        return size, key, backward

    def _checked_cut(self, rows: QuerySet[Model], size: int, key: list[str], backward: bool) -> Slice:
        try:
            return self.cut(rows, size, key, backward)
        except InvalidCursor as error:
            raise _bad_cursor() from error

    def cut(self, rows: QuerySet[Model], size: int, key: list[str], backward: bool) -> Slice:
        """Return the page. Raises `InvalidCursor`."""
        return keyset_page(rows, self.order, size, key=key, backward=backward)

    @classmethod
    def parameters(cls) -> set[str]:
        """Return the names of the parameters of pages."""
        return {CURSOR, SIZE, ORDERING} if len(cls.orders) > 1 else {CURSOR, SIZE}

    def get_schema_operation_parameters(self, view: object) -> list[dict[str, object]]:
        """Return the parameters for OpenAPI."""
        schemas = {
            CURSOR: (
                {"type": "string"},
                "Position of the page. Don't compute it; follow `next` and `previous`.",
            ),
            SIZE: (
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
                "Number of rows per page.",
            ),
            ORDERING: (
                {"type": "string", "enum": list(self.orders), "default": self.default},
                "Order of the rows.",
            ),
        }
        return [
            {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
            for name, (schema, description) in schemas.items()
            if name in self.parameters()
        ]

    def get_paginated_response(self, data: object) -> Response:
        """Return the page with its links, and since when rows are kept if it would go further back."""
        since = self.kept_since() if self._reaches_back() else None
        is_cut = since is not None and self._is_before(since)
        return Response(
            {
                "next": self._link(self.page.next, False),
                "previous": self._link(self.page.previous, True),
                "results": data,
            },
            headers={KEPT_SINCE: as_header(since)} if since and is_cut else None,
        )

    def _reaches_back(self) -> bool:
        """True if the page has the oldest row of the list, or the request gives a start time."""
        oldest = self.page.next if self.order.descending else self.page.previous
        return bool(self.asked_begin) or oldest is None

    def _is_before(self, since: datetime) -> bool:
        # The filter has already parsed it, so it is valid.
        return not self.asked_begin or times.parse_time(self.asked_begin) < since

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of the page for OpenAPI."""
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    @classmethod
    def order_of(cls, request: Request) -> Order:
        """Return the order that a request names. Raises `BadParameter`."""
        asked = request.query_params.get(ORDERING, "") or cls.default
        if asked not in cls.orders:
            raise BadParameter("bad_parameter", {ORDERING: [f"It may be {' or '.join(cls.orders)}."]})
        return cls.orders[asked]

    def _link(self, row: Model | None, backward: bool) -> str | None:
        if row is None:
            return None
        cursor = urlsafe_b64encode(json.dumps([backward, *self.order.key_of(row)]).encode()).decode()
        return str(replace_query_param(remove_query_param(self.url, CURSOR), CURSOR, cursor))


def as_header(since: datetime) -> str:
    """Return a time in the format of the header."""
    return since.astimezone(UTC).isoformat()


def _size(text: str, default: int) -> int:
    if not text:
        return default
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise BadParameter("bad_parameter", {SIZE: [f"A whole number from 1 to {MAX_PAGE_SIZE}."]})
    return size


def _bad_cursor() -> BadParameter:
    return BadParameter("bad_cursor", {CURSOR: ["Follow the links in a response."]})


def _decode(cursor: str) -> tuple[bool, list[str]]:
    """Return direction and key of a cursor. Raises `BadParameter` for an invalid one."""
    if not cursor:
        return False, []
    try:
        backward, *key = json.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad_cursor() from error
    if not key or not all(type(value) is str and not is_unstorable(value) for value in key):
        raise _bad_cursor()
    return bool(backward), key


class SearchedPagination(KeysetPagination):
    """Pages of a query that searches in windows if no index serves its filters.

    Such a page may be short, even empty, and have a next one. It says how far it searched.
    """

    def cut(self, rows: Any, size: int, key: list[str], backward: bool) -> Slice:
        """Return the page of the query."""
        question: EventQuery = rows
        return question.page(size, key=key, backward=backward)

    def get_paginated_response(self, data: Any) -> Response:
        """Add the time that the search got to."""
        response = super().get_paginated_response(data)
        response.data[SEARCHED] = self._searched()
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Add the time that the search got to."""
        found = super().get_paginated_response_schema(schema)
        found["properties"][SEARCHED] = {
            "type": ["string", "null"],
            "format": "date-time",
            "description": (
                "Where filters without an index found too little for a page: the time that the search got"
                " to. `next`, or going backward `previous`, continues it."
            ),
        }
        found["required"].append(SEARCHED)
        return found

    def _searched(self) -> str | None:
        for edge in (self.page.next, self.page.previous):
            if isinstance(edge, WindowEnd) and (at := self.time_of(edge)):
                return as_header(at)
        return None

    def time_of(self, edge: WindowEnd) -> datetime | None:
        """Return the time of the end of a window."""
        return edge.time


class OfEvents(SearchedPagination):
    """Pages of events, which are removed by the week."""

    begin = "occurred_after"
    orders = {"-id": NEWEST_FIRST}

    def kept_since(self) -> datetime | None:
        """Return since when single events are kept."""
        return retention.current().events


class EventPagination(OfEvents):
    """Newest first, or as they arrived."""

    orders = OfEvents.orders | {"received_at": FIRST_RECEIVED_FIRST}

    def start(self, request: Request, default: int) -> tuple[int, list[str]]:
        """Return the size and the key of a request for lines. Raises `BadParameter`."""
        size, key, backward = self._begin(request, default)
        if backward:
            raise _bad_cursor()
        return size, key

    def cut_forward(self, question: Any, size: int, key: list[str]) -> Slice:
        """Return the next page of the query. Raises `BadParameter`."""
        return self._checked_cut(question, size, key, backward=False)

    def next_link(self, page: Slice) -> str | None:
        """Return the address of what follows a page."""
        return self._link(page.next, False)


class TimelinePagination(KeysetPagination):
    """The events of a session, first to last."""

    orders = {"id": Order(("id",))}
    default = "id"


class SessionPagination(SearchedPagination):
    """Newest first."""

    orders = {"-started_at": LAST_STARTED_FIRST}
    default = "-started_at"
    begin = "since"

    def kept_since(self) -> datetime | None:
        """Return since when sessions are kept."""
        return retention.current().reports


class NamePagination(KeysetPagination):
    """By name."""

    orders = {"name": Order(("name", "id"))}
    default = "name"


class UsagePagination(KeysetPagination):
    """The latest period first."""

    orders = {
        "-period": Order(("period", "owner_id", "source_id", "kind", "dialect"), descending=True),
    }
    default = "-period"


class KindPagination(OfEvents):
    """Events of a kind, newest first."""
