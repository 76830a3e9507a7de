"""Comments: what people wrote with their ratings (FEEDBACK), from the events: no rollup has their words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from reports.figures.behind import newest
from reports.filters import Filters

COMMENTS = 20  # that are listed


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote."""

    at: datetime
    event_id: str
    content: str
    rating: float | None
    text: str


def comments(filters: Filters, content: str = "", limit: int = COMMENTS) -> tuple[Comment, ...]:
    """The newest of them, of one content where it is named."""
    has_words = ~Q(comments="") & Q(comments__isnull=False)
    has_words |= ~Q(comment_text="") & Q(comment_text__isnull=False)
    has_words |= ~Q(commentid="") & Q(commentid__isnull=False)
    asked: list[tuple[Q | None, Q]] = [(None, has_words)]
    if content:  # named by the envelope, or where that names none by the kind
        asked = [
            (Q(object_id=content), has_words),
            (Q(object_id__isnull=True), has_words & Q(content_id=content)),
        ]
    rows = [
        row
        for of_event, of_kind in asked
        for row in newest("feedback", filters, limit, of_event=of_event, of_kind=of_kind).rows
    ]
    rows.sort(key=lambda row: row.pk, reverse=True)
    return tuple(_comment(row) for row in rows[:limit])


def _comment(row: Any) -> Comment:
    return Comment(
        at=row.event.occurred_at,
        event_id=str(row.pk),
        content=row.content_id if row.event.object_id is None else row.event.object_id,
        rating=row.rating,
        text=" · ".join(dict.fromkeys(filter(None, (row.comments, row.comment_text or row.commentid)))),
    )
