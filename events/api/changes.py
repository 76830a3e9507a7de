"""The change feed in the read API: what was filed, rejected or summarised after a cursor."""

import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Endpoint
from events.api.problems import BadParameter
from events.api.serializers import EventSerializer, selection_of
from events.api.sessions import SessionSerializer
from events.event import Event
from events.feed import reading
from events.feed.change import What
from events.feed.reading import BEGINNING, Cursor, InvalidCursor
from events.kinds import KINDS
from events.lib import times
from events.sessions.session import Session

AFTER, LIMIT, KIND, OWNER = "after", "limit", "kind", "owner"
NOW = "now"
DEFAULT_LIMIT, MOST = 100, 1_000
COMPONENTS = ("Event", "Rejected", "Session")  # of the description, that results may be
SECONDS = 5.0  # for which a page is searched, where much of what was written is gone


class Followed(NamedTuple):
    """What can be followed: its rows, how a row is known in the feed, and its serializer."""

    what: What
    rows: Callable[[], QuerySet[Any]]
    serializer: type[Any]
    is_numbered: bool = False  # rows have a number as their key, not a UUID


# By the values of `kind`, beside the kinds of events; ingestion adds rejected events.
FOLLOWED: dict[str, Followed] = {
    "events": Followed(What.EVENTS, Event.objects.all, EventSerializer),
    "sessions": Followed(What.SESSIONS, Session.objects.all, SessionSerializer),
}


def page(
    followed: Followed, rows: QuerySet[Any], cursor: Cursor, owners: Collection[int] | None, limit: int
) -> tuple[list[Any], Cursor]:
    """Return the next changed of these rows that are still stored, each once, and the cursor after them."""
    found: dict[UUID, Any] = {}
    until = time.monotonic() + SECONDS
    while len(found) < limit and time.monotonic() < until:
        before = cursor
        changes, cursor = reading.changes_after(cursor, owners, followed.what, limit - len(found))
        ids = [change.id for change in changes]
        stored = rows.in_bulk([each.int for each in ids] if followed.is_numbered else ids)
        found |= {
            each: stored[key] for each in ids if (key := each.int if followed.is_numbered else each) in stored
        }
        if cursor == before:
            break
    return list(found.values()), cursor


@extend_schema_serializer(many=False)
class ChangesSerializer(serializers.Serializer[Any]):
    """Changes, and the cursor to go on from."""

    results = serializers.SerializerMethodField()
    next_cursor = serializers.CharField(
        help_text="The `after` of the next request. Always there, also when nothing is new."
    )

    @extend_schema_field(
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"$ref": f"#/components/schemas/{name}"} for name in ("Event", "Rejected", "Session")
                ]
            },
        }
    )
    def get_results(self, found: Any) -> Any:
        """Return the rows as they are."""
        return found["results"]


PARAMETERS = [
    OpenApiParameter(
        AFTER,
        str,
        description="`next_cursor` of the last answer; `now` begins with what is filed from now on, a time"
        " with what was filed since about then. Without it, from the beginning of what is stored.",
    ),
    OpenApiParameter(
        LIMIT,
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
        description="The most results of an answer.",
    ),
    OpenApiParameter(
        KIND,
        {"type": "string", "enum": ["events", "rejected", "sessions", *KINDS], "default": "events"},
        description="What is followed: events as they are filed, those of one kind, rejected events as they"
        " are received, or sessions as they are summarised.",
    ),
    OpenApiParameter(OWNER, str, description="Name of the owner, in any case."),
]


class ChangesViewSet(Endpoint, viewsets.GenericViewSet[Event]):
    """What was written for the reader's owners, in an order that can be followed."""

    pagination_class = None
    filter_backends = ()
    parameters = (AFTER, LIMIT, KIND, OWNER)

    def get_serializer_class(self) -> type[Any]:
        """Return the serializer of what is followed, whose fields can be selected."""
        return self._followed().serializer

    @extend_schema(parameters=PARAMETERS, responses=ChangesSerializer)
    def list(self, request: Request) -> Response:
        """The changes after a cursor. Ask again with `next_cursor`; each change comes once."""
        followed = self._followed()
        cursor, limit, owners = self._cursor(), self._limit(), self._owners()
        rows, cursor = page(followed, self._rows(), cursor, owners, limit)
        if followed.what == What.EVENTS:
            selection_of(self).load_details(rows)
        results = self.get_serializer(rows, many=True).data
        return Response({"results": results, "next_cursor": str(cursor)})

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the time, for the states of sessions."""
        return {**super().get_serializer_context(), "now": timezone.now()}

    def _followed(self) -> Followed:
        kind = self._text(KIND) or "events"
        if kind not in FOLLOWED and kind not in KINDS:
            raise BadParameter("bad_parameter", {KIND: [f"It may be {', '.join((*FOLLOWED, *KINDS))}."]})
        return FOLLOWED.get(kind, FOLLOWED["events"])

    def _rows(self) -> QuerySet[Any]:
        followed = self._followed()
        rows = followed.rows().prefetch_related("owner", "source")
        if followed.what == What.EVENTS:
            rows = selection_of(self).only(rows)
        return rows.filter(kind=kind) if (kind := self._text(KIND)) in KINDS else rows

    def _cursor(self) -> Cursor:
        text = self._text(AFTER)
        if not text:
            return BEGINNING
        if text == NOW:
            return reading.end()
        try:
            return Cursor.parse(text)
        except InvalidCursor:
            pass
        try:
            return reading.since(times.parse_time(text))
        except ValueError as error:
            wanted = "A `next_cursor` of this list, `now`, or a time."
            raise BadParameter("bad_cursor", {AFTER: [wanted]}) from error

    def _limit(self) -> int:
        text = self._text(LIMIT)
        limit = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if text and not 1 <= limit <= MOST:
            raise BadParameter("bad_parameter", {LIMIT: [f"A whole number from 1 to {MOST}."]})
        return limit or DEFAULT_LIMIT

    def _owners(self) -> Collection[int] | None:
        """Return the followed owners; None for all."""
        access = Access(self.request.user)
        if name := self._text(OWNER):
            return access.owners_named(name)
        return None if access.is_operator else access.owner_ids

    def _text(self, name: str) -> str:
        return str(self.request.query_params.get(name, ""))
