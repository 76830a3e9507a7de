"""Keyset pagination: a page is what comes after a key. No OFFSET, no counts, whatever the table's size.

DRF's own cursor falls back to OFFSET among equal values, and all events of a batch arrive in one moment.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from events.wire.values import is_unstorable

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000
CURSOR = "cursor"
_BAD_CURSOR = "The cursor is not one that this API gave out."


def after(keys: Sequence[str], values: Sequence[Any], *, descending: bool) -> Q:
    """What comes after `values` in the order of `keys`.

    The first key bounds the index scan; the rest decides among rows that are equal in it.
    """
    lookup = "lt" if descending else "gt"
    first, *rest = keys
    if not rest:
        return Q(**{f"{first}__{lookup}": values[0]})
    beyond = Q(**{f"{first}__{lookup}": values[0]}) | after(rest, values[1:], descending=descending)
    return Q(**{f"{first}__{lookup}e": values[0]}) & beyond


class KeysetPagination(BasePagination):
    """Pages of `results` with links to the `next` and the `previous` one.

    `orders` has the keys of each value that `ordering` may have; the last key of each must be unique.
    """

    orders: dict[str, tuple[str, ...]] = {"-id": ("id",)}
    default = "-id"

    def paginate_queryset(  # type: ignore[override]  # of a queryset, never of a list
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The rows of the page that the request asks for."""
        ordering = request.query_params.get("ordering") or self.default
        self.keys = self.orders.get(ordering, self.orders[self.default])
        self.descending = ordering.startswith("-")
        self.size = _size(request.query_params.get("page_size", ""))
        self.url = request.build_absolute_uri()
        backward, values = _decode(request.query_params.get(CURSOR, ""), len(self.keys))
        descending = self.descending != backward
        if values:
            try:
                queryset = queryset.filter(after(self.keys, values, descending=descending))
            except (ValidationError, ValueError) as error:
                raise NotFound(_BAD_CURSOR) from error
        sign = "-" if descending else ""
        try:
            rows = list(queryset.order_by(*(f"{sign}{key}" for key in self.keys))[: self.size + 1])
        except (DataError, OverflowError) as error:
            raise NotFound(_BAD_CURSOR) from error
        has_more, rows = len(rows) > self.size, rows[: self.size]
        if backward:
            rows.reverse()
        self.next = rows[-1] if rows and (backward or has_more) else None
        self.previous = rows[0] if rows and values and (not backward or has_more) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its links."""
        return Response(
            {
                "next": self._link(self.next, False),
                "previous": self._link(self.previous, True),
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
        values = [str(getattr(row, key)) for key in self.keys]
        cursor = urlsafe_b64encode(json.dumps([backward, *values]).encode()).decode()
        return str(replace_query_param(remove_query_param(self.url, CURSOR), CURSOR, cursor))


def _size(text: str) -> int:
    asked = int(text[:9]) if text.isascii() and text.isdigit() else 0
    return min(asked, MAX_PAGE_SIZE) if asked else PAGE_SIZE


def _decode(cursor: str, keys: int) -> tuple[bool, list[str]]:
    """Direction and values of a cursor. Raises NotFound for what is none of ours."""
    if not cursor:
        return False, []
    try:
        backward, *values = json.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, RecursionError) as error:
        raise NotFound(_BAD_CURSOR) from error
    if len(values) != keys or not all(type(value) is str and not is_unstorable(value) for value in values):
        raise NotFound(_BAD_CURSOR)
    return bool(backward), values


class EventPagination(KeysetPagination):
    """Newest first, or as they arrived."""

    orders = {"-id": ("id",), "received_at": ("received_at", "id")}
