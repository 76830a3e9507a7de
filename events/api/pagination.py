"""Keyset pagination: a page is what comes after a key. No OFFSET, no counts, whatever the table's size.

DRF's own cursor falls back to OFFSET among equal values, and all events of a batch arrive in one moment.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from events.keyset import Order, UnknownKey, cut
from events.wire.values import is_unstorable

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000
CURSOR = "cursor"
_BAD_CURSOR = "The cursor is not one that this API gave out."


class KeysetPagination(BasePagination):
    """Pages of `results` with links to the `next` and the `previous` one.

    `orders` has the order of each value that `ordering` may have.
    """

    orders: dict[str, Order] = {"-id": Order(("id",), descending=True)}
    default = "-id"

    def paginate_queryset(  # type: ignore[override]  # of a queryset, never of a list
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The rows of the page that the request asks for."""
        asked = request.query_params.get("ordering", "")
        self.order = self.orders.get(asked, self.orders[self.default])
        self.url = request.build_absolute_uri()
        size = _size(request.query_params.get("page_size", ""))
        backward, key = _decode(request.query_params.get(CURSOR, ""))
        try:
            self.page = cut(queryset, self.order, size, key=key, backward=backward)
        except UnknownKey as error:
            raise NotFound(_BAD_CURSOR) from error
        return self.page.rows

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its links."""
        return Response(
            {
                "next": self._link(self.page.next, False),
                "previous": self._link(self.page.previous, True),
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The page as OpenAPI describes it."""
        link = {"type": "string", "nullable": True, "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": ["results"], "properties": properties}

    def _link(self, row: Model | None, backward: bool) -> str | None:
        if row is None:
            return None
        cursor = urlsafe_b64encode(json.dumps([backward, *self.order.key_of(row)]).encode()).decode()
        return str(replace_query_param(remove_query_param(self.url, CURSOR), CURSOR, cursor))


def _size(text: str) -> int:
    asked = int(text[:9]) if text.isascii() and text.isdigit() else 0
    return min(asked, MAX_PAGE_SIZE) if asked else PAGE_SIZE


def _decode(cursor: str) -> tuple[bool, list[str]]:
    """Direction and key of a cursor. Raises NotFound for what is none of ours."""
    if not cursor:
        return False, []
    try:
        backward, *key = json.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, RecursionError) as error:
        raise NotFound(_BAD_CURSOR) from error
    if not key or not all(type(value) is str and not is_unstorable(value) for value in key):
        raise NotFound(_BAD_CURSOR)
    return bool(backward), key


class EventPagination(KeysetPagination):
    """Newest first, or as they arrived."""

    orders = KeysetPagination.orders | {"received_at": Order(("received_at", "id"))}


class TimelinePagination(KeysetPagination):
    """The events of a session, first to last."""

    orders = {"id": Order(("id",))}
    default = "id"


class SessionPagination(KeysetPagination):
    """Newest first."""

    orders = {"-started_at": Order(("started_at", "id"), descending=True)}
    default = "-started_at"
