"""Messages: the next changes of a webhook as JSON, at most so many and so large."""

import json
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from events.access import Access
from events.api.endpoint import FIELDS
from events.api.serializers import Selection
from events.changes.change import What
from events.changes.reading import Cursor
from events.feed.followed import Question
from events.fields import vocabulary
from events.webhooks import queries
from events.webhooks.webhook import Webhook

LARGEST = 1 << 20  # bytes of a body, unless one event alone is larger
_json = JSONRenderer()


@dataclass(frozen=True)
class Message:
    """A body to post, and the cursors before and after it. Without rows there is nothing to post."""

    begin: Cursor
    end: Cursor
    rows: int
    body: bytes


def message_after(webhook: Webhook, begin: Cursor, end: Cursor | None = None) -> Message:
    """Return the message that begins at a cursor, and doesn't go beyond `end`.

    Raises `InvalidQuery` if the webhook's filters or fields have become invalid.
    """
    question = queries.question_of(webhook.what, webhook.filter)
    names = queries.fields_of(webhook.what, webhook.fields)
    found, reached = question.page(begin, Access.of_owner(webhook.owner))
    if end is not None:
        found = [each for each in found if each.after <= end]
        reached = min(end, reached)
    bodies = _as_json(question, names, [each.row for each in found])
    if len(bodies) < len(found):
        found = found[: len(bodies)]
        reached = found[-1].after
    return Message(begin, reached, len(found), _body(webhook, bodies, reached))


def _as_json(question: Question, names: frozenset[str] | None, rows: list[Any]) -> list[bytes]:
    """Return as many rows as fit into a message; one at least."""
    if question.followed.what == What.EVENTS:
        Selection(names, vocabulary.of_events()).load_details(rows)
    serializer = question.followed.serializer(context={FIELDS: names, "now": timezone.now()})
    bodies: list[bytes] = []
    size = 0
    for row in rows:
        body = _json.render(serializer.to_representation(row))
        size += len(body)
        if size > LARGEST and bodies:
            break
        bodies.append(body)
    return bodies


def _body(webhook: Webhook, bodies: list[bytes], end: Cursor) -> bytes:
    head = {"type": webhook.what, "webhook": webhook.name, "owner": webhook.owner.name, "cursor": str(end)}
    return json.dumps(head)[:-1].encode() + b', "data": [' + b",".join(bodies) + b"]}"
