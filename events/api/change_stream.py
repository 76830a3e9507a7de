"""Server-sent events of the change feed: their ids are cursors, so clients resume by themselves."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import close_old_connections
from rest_framework.renderers import BaseRenderer, JSONRenderer

from events.access import Access, KeyUser
from events.changes.reading import Cursor
from events.feed.followed import Found, Question
from events.feed.waiting import Waiter, watcher

HEARTBEAT_SECONDS = 15.0  # so that proxies keep the connection, and we notice that a client is gone
SECONDS = 300.0  # then it ends, and the client comes back
BEGIN = b"retry: 2000\n\n"  # milliseconds until clients come back

_json = JSONRenderer()


class EventStreamRenderer(BaseRenderer):
    """Accepts `text/event-stream`. Errors are JSON."""

    media_type = "text/event-stream"
    format = "event-stream"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the bytes of a stream as they are."""
        if isinstance(data, bytes):
            return data
        body: bytes = _json.render(data, "application/json", renderer_context)
        return body


class ChangeStream:
    """A stream of changes, for the front (`telemetry_project.web.front.Live`)."""

    def __init__(
        self, question: Question, user: Any, cursor: Cursor, results: Callable[[Sequence[Any]], Any]
    ) -> None:
        self._question = question
        self._user = user
        self._cursor = cursor
        self._results = results
        self._ends_at = time.monotonic() + SECONDS
        self._has_begun = False
        self._has_more = False
        self._waiter: Waiter | None = None

    def read(self) -> bytes | None:
        """Return what is new, and the cursor; None after some minutes, or if access has ended."""
        close_old_connections()
        access = _current(self._user)
        if access is None or time.monotonic() >= self._ends_at:
            return None
        found, cursor = self._question.page(self._cursor, access)
        parts = list(self._parts(found))
        self._has_more = len(found) >= self._question.limit
        self._cursor = cursor
        self._waiter = Waiter(self._question.followed.what, self._question.owners(access), cursor)
        return b"".join([*parts, _event(cursor)])

    def wait(self) -> None:
        """Wait until something is new or a heartbeat is due."""
        left = min(HEARTBEAT_SECONDS, self._ends_at - time.monotonic())
        if self._waiter and left > 0 and not self._has_more:
            watcher.wait(self._waiter, left)

    def _parts(self, found: Sequence[Found]) -> Iterator[bytes]:
        if not self._has_begun:
            self._has_begun = True
            yield BEGIN
        results = self._results([each.row for each in found])
        for result, each in zip(results, found, strict=True):
            yield _event(each.after, _json.render(result))


def _event(cursor: Cursor, data: bytes | None = None) -> bytes:
    """Return an event; without data, clients only remember its id."""
    lines = [b"id: " + str(cursor).encode()] + ([b"data: " + data] if data is not None else [])
    return b"\n".join([*lines, b"", b""])


def _current(user: Any) -> Access | None:
    """Return what a reader may see now; None if the key or the account has ended since."""
    if isinstance(user, KeyUser):
        access = Access.of_key(user.key)
        return access if isinstance(access.user, KeyUser) else None
    person = User.objects.filter(pk=user.pk, is_active=True).first()
    return Access(person) if person else None
