"""Timeline: what happened in a session and when, read in so many rows as can be drawn.

A session of up to MARKS events has a mark for each. A longer one is cut into equal stretches of time, and has
a mark for each kind and stretch with how many events that is; PostgreSQL counts them. Of one too long to be
counted while somebody waits (a million events: 6 s), only the first events of each stretch are looked at.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Count, F, IntegerField, Value, Window
from django.db.models.functions import Cast, Extract, Floor, Lag

from events.identity import first_id, milliseconds, moment, occurred_ms
from events.kinds import KINDS
from events.sessions.record import DETAILS, Record, meaning
from events.sessions.session import Session
from events.sessions.summary import IDLE_MS

MARKS = 2_000
STRETCHES = 240  # that a longer session is cut into at the most: more would be finer than can be seen
COUNTED = 100_000  # events that PostgreSQL counts for a page: 0.7 s
PROBES = 120  # stretches that a still longer session is looked at in
PROBED = 16  # events, the first of each of them
IDLES = 200  # that are shown
OPENING = ("impression", "ui_action")  # kinds that may open a page


@dataclass(frozen=True, slots=True)
class Mark:
    """One event, or how many of a kind there are in a stretch of time."""

    kind: str
    since_ms: int
    until_ms: int
    count: int = 1
    event: UUID | None = None  # none for a stretch
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A page, from when it was opened until the next was."""

    page: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Idle:
    """A time without events, too long to count."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session, to be drawn."""

    since_ms: int
    until_ms: int
    marks: tuple[Mark, ...]
    visits: tuple[Visit, ...]
    idles: tuple[Idle, ...]
    stretch_ms: int = 0  # that a mark stands for; 0 where it stands for an event
    lacks_visits: bool = False  # there are too many of them to be drawn
    is_probed: bool = False  # only the first PROBED events of each stretch are drawn

    @classmethod
    def unknown(cls, session: Session) -> "Timeline":
        """The timeline of a session whose events were removed."""
        return cls(milliseconds(session.started_at), milliseconds(session.ended_at), (), (), ())


Row = tuple[UUID, str, str]  # id, kind and dialect of an event


def read(session: Session, counts: Mapping[str, int]) -> Timeline:
    """The timeline of a session with so many events of each kind."""
    since, until = milliseconds(session.started_at), milliseconds(session.ended_at)
    if session.events <= MARKS:
        rows = _rows(session.timeline())
        opened, failed = _meanings(rows)
        marks = tuple(_mark(row, failed) for row in rows)
        return Timeline(since, until, marks, _visits(opened, until), _idles(rows))
    openings = sum(counts.get(kind, 0) for kind in OPENING)
    is_probed = session.events > COUNTED
    lacks_visits = openings > MARKS or (is_probed and openings > 0)
    stretches = max(1, min(PROBES if is_probed else STRETCHES, MARKS // len(counts)))
    stretch_ms = _round_up(-(-(until - since + 1) // stretches))
    if is_probed:
        begins = range(since, until + 1, stretch_ms)
        probed = [_probe(session, begin, begin + stretch_ms) for begin in begins]
        found = list(probed[0].union(*probed[1:], all=True).order_by("id"))
        marks, idles = _sampled(found, since, stretch_ms), _known_gaps(found, since, stretch_ms)
        return Timeline(since, until, marks, (), idles, stretch_ms, lacks_visits, is_probed)
    opened = {}
    if openings and not lacks_visits:
        opened, _ = _meanings(_rows(session.timeline().filter(kind__in=OPENING)))
    return Timeline(
        since,
        until,
        tuple(_counted(session, since, stretch_ms)),
        _visits(opened, until),
        tuple(_long_gaps(session)),
        stretch_ms,
        lacks_visits,
    )


def _probe(session: Session, since_ms: int, until_ms: int) -> Any:
    """The first events of a stretch, by the index: id and kind."""
    begin, end = first_id(moment(since_ms)), first_id(moment(until_ms))
    return session.timeline().filter(pk__gte=begin, pk__lt=end).values_list("id", "kind")[:PROBED]


def _sampled(found: Sequence[tuple[UUID, str]], since_ms: int, stretch_ms: int) -> tuple[Mark, ...]:
    counts = Counter(((occurred_ms(event.int) - since_ms) // stretch_ms, kind) for event, kind in found)
    return tuple(
        _stretch(kind, since_ms + place * stretch_ms, stretch_ms, n) for (place, kind), n in counts.items()
    )


def _known_gaps(found: Sequence[tuple[UUID, str]], since_ms: int, stretch_ms: int) -> tuple[Idle, ...]:
    """Those after events whose next event is known: not the last one that was read of a full stretch."""
    times = [occurred_ms(event.int) for event, _ in found]
    read = Counter((at - since_ms) // stretch_ms for at in times)
    return tuple(
        Idle(since, until)
        for since, until in pairwise(times)
        if until - since > IDLE_MS
        and (
            (place := (since - since_ms) // stretch_ms) == (until - since_ms) // stretch_ms
            or read[place] < PROBED
        )
    )[:IDLES]


def _round_up(ms: int) -> int:
    """To whole seconds, where it is more than one."""
    return ms if ms < 1000 else -(-ms // 1000) * 1000


def _rows(events: Any) -> list[Row]:
    return list(events.values_list("id", "kind", "dialect")[:MARKS])


def _mark(row: Row, failed: frozenset[UUID]) -> Mark:
    event, kind, _ = row
    at = occurred_ms(event.int)
    return Mark(kind, at, at, event=event, is_error=kind == "error" or event in failed)


def _meanings(rows: Iterable[Row]) -> tuple[dict[UUID, str], frozenset[UUID]]:
    """The pages that events opened, by event, and the events that told of an error."""
    opened: dict[UUID, str] = {}
    failed = set()
    by_kind: dict[str, dict[UUID, str]] = {}
    for event, kind, dialect in rows:
        if kind in OPENING:
            by_kind.setdefault(kind, {})[event] = dialect
    for kind, dialects in by_kind.items():
        details = KINDS[kind].model._default_manager.filter(pk__in=list(dialects))
        for event, *columns in details.values_list("pk", *DETAILS[kind]):
            means = meaning(Record(event, kind, dialects[event], columns))
            if means.page is not None:
                opened[event] = means.page
            if means.errors:
                failed.add(event)
    return opened, frozenset(failed)


def _visits(opened: Mapping[UUID, str], until_ms: int) -> tuple[Visit, ...]:
    """The visits; a page that is opened again while it is open stays one."""
    begun: list[tuple[str, int]] = []
    for event in sorted(opened):
        if not begun or begun[-1][0] != opened[event]:
            begun.append((opened[event], occurred_ms(event.int)))
    ends = [*(at for _, at in begun), until_ms][1:]
    return tuple(Visit(page, at, end) for (page, at), end in zip(begun, ends, strict=True))


def _idles(rows: Sequence[Row]) -> tuple[Idle, ...]:
    times = [occurred_ms(row[0].int) for row in rows]
    return tuple(Idle(since, until) for since, until in pairwise(times) if until - since > IDLE_MS)[:IDLES]


def _counted(session: Session, since_ms: int, stretch_ms: int) -> Iterable[Mark]:
    """The events of each kind in each stretch of time."""
    at_ms = Extract("occurred_at", "epoch") * Value(1000)
    place = Cast(Floor((at_ms - Value(since_ms)) / Value(stretch_ms)), IntegerField())
    found = session.timeline().order_by().annotate(place=place).values_list("kind", "place")
    for kind, number, count in found.annotate(count=Count("id")).order_by("place", "kind"):
        begin = since_ms + number * stretch_ms
        yield _stretch(kind, begin, stretch_ms, count)


def _stretch(kind: str, begin_ms: int, stretch_ms: int, count: int) -> Mark:
    return Mark(kind, begin_ms, begin_ms + stretch_ms, count, is_error=kind == "error")


def _long_gaps(session: Session) -> Iterable[Idle]:
    before = Window(Lag("occurred_at"), order_by="id")
    gaps = session.timeline().annotate(before=before).annotate(gap=F("occurred_at") - F("before"))
    long = gaps.filter(gap__gt=timedelta(milliseconds=IDLE_MS)).values_list("before", "occurred_at")
    for since, until in long[:IDLES]:
        yield Idle(milliseconds(since), milliseconds(until))
