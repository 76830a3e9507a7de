"""The events of a session as a table, first to last, in pages by keyset: the timeline in words."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import QueryDict

from events.admin.facts import NO_NAME
from events.admin.paging import AFTER, BEFORE, asked_page, key_text
from events.admin.session_links import event_page
from events.admin.timeline import Idle, Timeline, Visit
from events.event import Event
from events.identity import first_id, moment, occurred_ms
from events.keyset import Order, UnknownKey
from events.sessions.session import Session
from events.words import cut, lasting

ORDER = Order(("id",))
EVENTS = 25  # on a page


@dataclass(frozen=True)
class Step:
    """An event in the order of the session."""

    href: str
    at: datetime
    since_begin: str
    kind: str
    page: str
    day: str = ""  # where another one begins
    idle_before: str = ""
    is_error: bool = False


@dataclass(frozen=True)
class Steps:
    """A page of events, with the links to its neighbours."""

    rows: tuple[Step, ...]
    first: str = ""
    earlier: str = ""
    later: str = ""


def leads(event: UUID | None, since_ms: int, asked: QueryDict) -> str:
    """To an event, or to the events of the table from a millisecond on."""
    if event is not None:
        return event_page(event)
    return _address(asked, AFTER, str(first_id(moment(since_ms))))


def _address(asked: QueryDict, direction: str, key: str) -> str:
    """This page, its events from another place on."""
    changed = asked.copy()
    for name in (AFTER, BEFORE):
        changed.pop(name, None)
    if key:
        changed[direction] = key
    return f"?{changed.urlencode()}#events"


def steps(session: Session, timeline: Timeline, asked: QueryDict) -> Steps:
    """The page of events that an address asks for; the first for one that asks for none that there is."""
    rows = session.timeline().only("kind", "occurred_at")
    try:
        page, is_first = asked_page(rows, ORDER, EVENTS, asked.dict())  # type: ignore[arg-type]  # texts
    except UnknownKey:
        page, is_first = asked_page(rows, ORDER, EVENTS, {})
    idle = {each.until_ms: each for each in timeline.idles}
    failed = {mark.event for mark in timeline.marks if mark.is_error}
    return Steps(
        tuple(_days(_step(event, timeline, idle, failed) for event in page.rows)),
        first="" if is_first else _address(asked, AFTER, ""),
        earlier=_address(asked, BEFORE, key_text(ORDER, page.previous)) if page.previous else "",
        later=_address(asked, AFTER, key_text(ORDER, page.next)) if page.next else "",
    )


def _days(found: Iterable[Step]) -> Iterable[Step]:
    """The first of each day with its date."""
    day = ""
    for step in found:
        date = f"{step.at.day} {step.at:%B %Y}"
        yield step if date == day else replace(step, day=date)
        day = date


def _step(event: Event, timeline: Timeline, idle: dict[int, Idle], failed: set[Any]) -> Step:
    ms = occurred_ms(event.pk.int)
    before = idle.get(ms)
    return Step(
        href=event_page(event.pk),
        at=event.occurred_at.astimezone(UTC),
        since_begin="+" + lasting((ms - timeline.since_ms) / 1000),
        kind=event.kind,
        page=_page_at(ms, timeline.visits),
        idle_before=lasting((before.until_ms - before.since_ms) / 1000) if before else "",
        is_error=event.pk in failed or event.kind == "error",
    )


def _page_at(ms: int, visits: Sequence[Visit]) -> str:
    """The page that was open; of two within a millisecond, the later."""
    place = bisect_right(visits, ms, key=lambda visit: visit.since_ms)
    return cut(visits[place - 1].page or NO_NAME, 40) if place else ""
