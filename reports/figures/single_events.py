"""The newest events of a kind that match the filters, for details that no rollup has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from events.event import Event
from events.identity import first_id, moment, occurred_ms
from events.kinds import KINDS
from events.kinds.audit import Audit
from events.kinds.feedback import Feedback
from events.lib.paging import EventQuery, WindowEnd
from events.store.versions import has_version
from reports.filters import Filters

_OF_ENVELOPE = (
    *("kind", "occurred_at", "owner", "source", "version"),
    *("actor", "session", "device", "channel", "object_id", "object_type"),
)


@dataclass(frozen=True, slots=True)
class Newest:
    """Rows of a kind, each with its envelope as `event`, newest first."""

    rows: tuple[Any, ...]
    looked_back_to: datetime | None  # the search stopped here; None if these are all
    has_more: bool  # True if there are more rows than requested


def newest(
    kind: str,
    filters: Filters,
    limit: int,
    *,
    of_event: Q | None = None,
    of_kind: Q | None = None,
    between: tuple[datetime, datetime] | None = None,
    without: Sequence[str] = (),
) -> Newest:
    """Return the newest `limit` events of a kind. Reads a bounded number of rows, however few match.

    `of_event` and `of_kind` are conditions on the envelope and on the kind's own columns. `between` limits
    the time of occurrence more closely than the period. The columns in `without` aren't fetched.
    """
    model = KINDS[kind].model
    since, until = map(first_id, between or (filters.period.since, filters.period.until))
    in_time = model._default_manager.filter(pk__gte=since, pk__lt=until).defer(*without)
    mine: QuerySet[Event] = Event.objects.filter(pk__gte=since, pk__lt=until)
    if filters.owners is not None:
        mine = mine.filter(owner_id__in=filters.owners)
    rows = in_time.prefetch_related(
        Prefetch("event", Event.objects.only(*_OF_ENVELOPE).prefetch_related("owner", "source"))
    )
    if of_kind is not None:
        rows = rows.filter(of_kind)
    beside = _narrowed(mine, filters).filter(kind=kind)
    if of_event is not None:
        beside = beside.filter(of_event)
    page = EventQuery(rows, windowed_by=(in_time, mine), joined=beside).page(limit)
    is_edge = isinstance(page.next, WindowEnd)
    return Newest(
        tuple(page.rows),
        moment(occurred_ms(page.next.pk.int)) if is_edge else None,
        has_more=page.next is not None and not is_edge,
    )


def _narrowed(events: QuerySet[Event], filters: Filters) -> QuerySet[Event]:
    for column, values in (
        ("source_id", filters.sources),
        ("country", filters.countries),
    ):
        if values:
            events = events.filter(**{f"{column}__in": values})
    if filters.versions:
        events = events.filter(has_version(filters.versions))
    is_bot = filters.bots.wanted(of_people=False)
    if is_bot is None:
        return events
    return events.filter(is_bot=True) if is_bot else events.exclude(is_bot=True)


COMMENTS = 20  # comments listed


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment."""

    at: datetime
    event_id: str
    content: str
    rating: float | None
    text: str


def comments(filters: Filters, content: str = "", limit: int = COMMENTS) -> tuple[Comment, ...]:
    """Return the newest comments, of one content if given."""
    has_words = ~Q(comments="") & Q(comments__isnull=False)
    has_words |= ~Q(comment_text="") & Q(comment_text__isnull=False)
    has_words |= ~Q(commentid="") & Q(commentid__isnull=False)
    asked: list[tuple[Q | None, Q]] = [(None, has_words)]
    if content:  # named by the envelope, or else by the kind
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


def _comment(row: Feedback) -> Comment:
    return Comment(
        at=row.event.occurred_at,
        event_id=str(row.pk),
        content=row.content_id if row.event.object_id is None else row.event.object_id,
        rating=row.rating,
        text=" · ".join(dict.fromkeys(filter(None, (row.comments, row.comment_text or row.commentid)))),
    )


CHANGES = 25  # the newest ones; the list of events has the rest


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an object."""

    at: datetime
    event_id: str
    object_id: str
    object_type: str
    props: tuple[str, ...]
    before: str
    after: str
    type: str
    actor: str
    seconds: float | None  # time spent in the previous state


@dataclass(frozen=True, slots=True)
class Trail:
    """Changes, newest first."""

    changes: tuple[Change, ...]
    looked_back_to: datetime | None  # the search stopped here
    has_more: bool


def trail(filters: Filters, about: str = "", limit: int = CHANGES) -> Trail:
    """Return the changes, of one object if given. Read from events, since no rollup has states."""
    found = newest("audit", filters, limit, of_event=Q(object_id=about) if about else None)
    return Trail(tuple(map(_change, found.rows)), found.looked_back_to, found.has_more)


def _change(row: Audit) -> Change:
    event = row.event
    return Change(
        at=event.occurred_at,
        event_id=str(row.pk),
        object_id=event.object_id or "",
        object_type=event.object_type or "",
        props=tuple(row.props or ()),
        before=row.previous_state or "",
        after=row.state or "",
        type=row.type or "",
        actor=event.actor or "",
        seconds=row.duration,
    )
