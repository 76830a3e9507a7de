"""The change feed in the read API: events, rejected events, sessions and months written after a cursor."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.authentication import ASKED_BEFORE
from events.api.change_stream import BEGIN, ChangeStream, EventStreamRenderer
from events.api.endpoint import FIELDS, Endpoint
from events.api.filters import checked, described
from events.api.problems import BadParameter
from events.api.serializers import selection_of
from events.changes import reading
from events.changes.change import What
from events.changes.reading import BEGINNING, Cursor, InvalidCursor
from events.event import Event
from events.feed.followed import FOLLOWED, Followed, Question
from events.feed.waiting import Waiter, watcher
from events.fields import vocabulary
from events.fields.conditions import Conditions, parse
from events.fields.vocabulary import Vocabulary
from events.kinds import KINDS
from events.lib import times

AFTER, LIMIT, KIND, OWNER, WAIT = "after", "limit", "kind", "owner", "wait"
NOW = "now"
DEFAULT_LIMIT, MOST = 100, 1_000
MOST_SECONDS = 60  # that a request waits
COMPONENTS = ("Event", "Rejected", "Session", "ClosedMonth")  # of the description, that results may be


@extend_schema_field(
    {
        "type": "array",
        "items": {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in COMPONENTS]},
    }
)
class ResultsField(serializers.Field[Any, Any, Any, Any]):
    """Rows of what is followed."""


@extend_schema_serializer(many=False)
class ChangesSerializer(serializers.Serializer[Any]):
    """Changes, and the cursor to go on from. It only describes them."""

    results = ResultsField()
    next_cursor = serializers.CharField(
        help_text="Value of `after` for the next request. Always present, even if there are no results."
    )


PARAMETERS = [
    OpenApiParameter(
        AFTER,
        str,
        description="`next_cursor` of the last response, `now` for changes from now on, or a time for changes"
        " since about then. Default: the oldest change that is stored.",
    ),
    OpenApiParameter(
        LIMIT,
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
        description="Maximum number of results.",
    ),
    OpenApiParameter(
        KIND,
        {"type": "string", "enum": ["events", "rejected", "sessions", "months", *KINDS], "default": "events"},
        description="Feed to follow: all events, events of one kind, rejected events, sessions each time they"
        " are summarised, or months with their charges as they are closed. Other filters and `fields` are"
        " those of the list of the same name.",
    ),
    OpenApiParameter(OWNER, str, description="Name of the owner, in any case."),
    OpenApiParameter(
        WAIT,
        {"type": "integer", "minimum": 0, "maximum": MOST_SECONDS, "default": 0},
        description="Seconds to wait if there are no changes. The response comes as soon as there is one, or"
        " at once if too many readers are waiting.",
    ),
]
LAST_EVENT_ID = "HTTP_LAST_EVENT_ID"
STREAMS = "tally.streams"  # set by the front, which sends what is live while it is made
NOT_STORED = {"Cache-Control": "no-store"}


class AskedBefore(NamedTuple):
    """A request that has waited: the time (monotonic seconds) until which it may, and its cursor by then."""

    until: float
    cursor: Cursor


class ChangesViewSet(Endpoint, viewsets.GenericViewSet[Event]):
    """Changes of the owners that the reader may see, in the order of their commits."""

    pagination_class = None
    filter_backends = ()
    parameters = (AFTER, LIMIT, KIND, OWNER, WAIT)
    renderer_classes = (JSONRenderer, EventStreamRenderer)

    def described_parameters(self) -> list[dict[str, Any]]:
        """Return the filters of events for OpenAPI: those of other feeds are described with their lists."""
        own = {parameter.name for parameter in PARAMETERS}
        return [each for each in described(vocabulary.of_events()) if each["name"] not in own]

    def get_serializer_class(self) -> type[Any]:
        """Return the serializer of what is followed, whose fields can be selected."""
        return self._followed().serializer

    @extend_schema(parameters=PARAMETERS, responses={(200, "application/json"): ChangesSerializer})
    def list(self, request: Request) -> Response:
        """Return the changes after a cursor, each once. Continue with `next_cursor`.

        With `Accept: text/event-stream`, the response is a stream of events whose IDs are cursors.
        """
        question, cursor, wait = self._question(), self._cursor(), self._seconds()
        if isinstance(request.accepted_renderer, EventStreamRenderer):
            return self._stream(question, cursor)
        access = Access(request.user)
        found, cursor = question.page(cursor, access)
        results = self._results([each.row for each in found])
        response = Response({"results": results, "next_cursor": str(cursor)}, headers=NOT_STORED)
        if not found:
            waiter = Waiter(question.followed.what, question.owners(access), cursor)
            self._wait_first(response, waiter, wait)
        return response

    def _wait_first(self, response: Response, waiter: Waiter, seconds: float) -> None:
        """Have the front wait and ask again, unless the time is up or too many wait."""
        asked = self.request.META.get(ASKED_BEFORE)
        until = asked.until if asked else time.monotonic() + seconds
        left = until - time.monotonic()
        if left > 0 and watcher.has_room():
            self.request.META[ASKED_BEFORE] = AskedBefore(until, waiter.cursor)
            response.wait_first = partial(watcher.wait, waiter, left)  # type: ignore[attr-defined]  # the front's

    def _stream(self, question: Question, cursor: Cursor) -> Response:
        stream = ChangeStream(question, self.request.user, cursor, self._results)
        response = Response(BEGIN, headers=NOT_STORED | {"X-Accel-Buffering": "no"})
        if self.request.META.get(STREAMS) and watcher.has_room():
            response.live = stream  # type: ignore[attr-defined]  # the front's
        else:
            response.data = stream.read() or BEGIN  # what there is; clients come back for more
        return response

    def _results(self, rows: Sequence[Any]) -> Any:
        if self._followed().what == What.EVENTS:
            selection_of(self).load_details(rows)
        return self.get_serializer(rows, many=True).data

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the time, for the states of sessions."""
        return {**super().get_serializer_context(), "now": timezone.now()}

    def _followed(self) -> Followed:
        kind = self._text(KIND) or "events"
        if kind not in FOLLOWED and kind not in KINDS:
            raise BadParameter("bad_parameter", {KIND: [f"It may be {', '.join((*FOLLOWED, *KINDS))}."]})
        return FOLLOWED.get(kind, FOLLOWED["events"])

    def _filtered_by(self) -> Vocabulary | None:
        return self._followed().vocabulary()

    def _question(self) -> Question:
        followed = self._followed()
        rows = followed.named_rows()
        if followed.what == What.EVENTS:
            rows = selection_of(self).only(rows)
        return Question(followed, rows, self._conditions(followed), self._text(OWNER), self._limit())

    def _conditions(self, followed: Followed) -> Conditions:
        given = self.request.query_params.items()
        filters = [(name, str(text)) for name, text in given if name not in (AFTER, LIMIT, WAIT, FIELDS)]
        if self._text(KIND) in FOLLOWED:
            filters = [(name, text) for name, text in filters if name != KIND]
        return checked(parse(followed.vocabulary(), filters))

    def _cursor(self) -> Cursor:
        if asked := self.request.META.get(ASKED_BEFORE):
            cursor: Cursor = asked.cursor
            return cursor
        text = self.request.META.get(LAST_EVENT_ID, "") or self._text(AFTER)
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
        return self._number(LIMIT, 1, MOST) or DEFAULT_LIMIT

    def _seconds(self) -> int:
        return self._number(WAIT, 0, MOST_SECONDS) or 0

    def _number(self, name: str, least: int, most: int) -> int | None:
        text = self._text(name)
        if not text:
            return None
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
        if not least <= number <= most:
            raise BadParameter("bad_parameter", {name: [f"A whole number from {least} to {most}."]})
        return number

    def _text(self, name: str) -> str:
        return str(self.request.query_params.get(name, ""))
