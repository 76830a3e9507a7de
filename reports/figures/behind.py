"""Behind: the newest events of one kind that filters leave, for what no rollup keeps (comments, changes)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q

from events.event import Event
from events.identity import first_id, moment, occurred_ms
from events.kinds import KINDS
from events.lib.paging import EventQuery, WindowEnd
from reports.filters import Filters

_OF_ENVELOPE = (
    *("kind", "occurred_at", "owner", "source", "version"),
    *("actor", "session", "device", "channel", "object_id", "object_type"),
)


@dataclass(frozen=True, slots=True)
class Newest:
    """Rows of a kind, each with its envelope as `event`, the newest first."""

    rows: tuple[Any, ...]
    looked_back_to: datetime | None  # where there may be more from before; None where these are all
    has_more: bool  # whether there are more than the rows asked for


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
    """The newest `limit` events of a kind. Looks at so many rows at the most, however few of them match.

    `of_event` and `of_kind` are conditions on the envelope and on the kind's own columns; `between` is where
    they occurred, if that is known closer than by the period; columns `without` which it does aren't fetched.
    """
    model = KINDS[kind].model
    since, until = map(first_id, between or (filters.period.since, filters.period.until))
    in_time = model._default_manager.filter(pk__gte=since, pk__lt=until).defer(*without)
    mine: Any = Event.objects.filter(pk__gte=since, pk__lt=until)
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
    page = EventQuery(rows, paces=(in_time, mine), beside=beside).page(limit)
    is_edge = isinstance(page.next, WindowEnd)
    return Newest(
        tuple(page.rows),
        moment(occurred_ms(page.next.pk.int)) if is_edge else None,
        has_more=page.next is not None and not is_edge,
    )


def _narrowed(events: Any, filters: Filters) -> Any:
    for column, values in (
        ("source_id", filters.sources),
        ("version", filters.versions),
        ("country", filters.countries),
    ):
        if values:
            events = events.filter(**{f"{column}__in": values})
    is_bot = filters.bots.wanted(of_people=False)
    if is_bot is None:
        return events
    return events.filter(is_bot=True) if is_bot else events.exclude(is_bot=True)
