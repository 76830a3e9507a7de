"""The timeline of a session: its events and pauses, reduced to as many as can be drawn, and its drawing.

A session of up to MARKS events has one mark per event. A longer one is divided into equal intervals, with one
mark per kind and interval and its count, computed by PostgreSQL. If counting would take too long for a page
(a million events: 6 s), only the first events of each interval are read.

The drawing is an SVG, time from left to right on a true scale, one row per kind of event.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db.models import Count, F, IntegerField, QuerySet, Value, Window
from django.db.models.functions import Cast, Extract, Floor, Lag

from events.admin.display import NO_NAME
from events.event import Event
from events.identity import first_id, milliseconds, moment, occurred_ms
from events.kinds import KINDS
from events.lib.formatting import duration_text, shorten
from events.sessions.record import DETAILS, Record, meaning
from events.sessions.session import Session
from events.sessions.summary import IDLE_MS

MARKS = 2_000
STRETCHES = 240  # most intervals of a longer session: more couldn't be seen
COUNTED = 100_000  # most events that PostgreSQL counts for a page: 0.7 s
PROBES = 120  # intervals of a session too long to be counted
PROBED = 16  # first events read of each of them
IDLES = 200  # pauses shown
OPENING = ("impression", "ui_action")  # kinds that may open a page


@dataclass(frozen=True, slots=True)
class Mark:
    """One event, or the number of events of a kind in an interval."""

    kind: str
    since_ms: int
    until_ms: int
    count: int = 1
    event: UUID | None = None  # none for a stretch
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A page, from its opening to the opening of the next."""

    page: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Idle:
    """A pause too long to count as time spent."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The content of the drawing of a session."""

    since_ms: int
    until_ms: int
    marks: tuple[Mark, ...]
    visits: tuple[Visit, ...]
    idles: tuple[Idle, ...]
    stretch_ms: int = 0  # length of the interval of a mark; 0 if each mark is one event
    lacks_visits: bool = False  # there are too many of them to be drawn
    is_probed: bool = False  # only the first PROBED events of each stretch are drawn

    @classmethod
    def unknown(cls, session: Session) -> "Timeline":
        """Return the timeline of a session whose events were removed."""
        return cls(milliseconds(session.started_at), milliseconds(session.ended_at), (), (), ())


Row = tuple[UUID, str, str]  # id, kind and dialect of an event


def read(session: Session, counts: Mapping[str, int]) -> Timeline:
    """Return the timeline of a session with these numbers of events by kind."""
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


def _probe(session: Session, since_ms: int, until_ms: int) -> QuerySet[Event, tuple[UUID, str]]:
    """Return ids and kinds of the first events of an interval, by the index."""
    begin, end = first_id(moment(since_ms)), first_id(moment(until_ms))
    return session.timeline().filter(pk__gte=begin, pk__lt=end).values_list("id", "kind")[:PROBED]


def _sampled(found: Sequence[tuple[UUID, str]], since_ms: int, stretch_ms: int) -> tuple[Mark, ...]:
    counts = Counter(((occurred_ms(event.int) - since_ms) // stretch_ms, kind) for event, kind in found)
    return tuple(
        _stretch(kind, since_ms + place * stretch_ms, stretch_ms, n) for (place, kind), n in counts.items()
    )


def _known_gaps(found: Sequence[tuple[UUID, str]], since_ms: int, stretch_ms: int) -> tuple[Idle, ...]:
    """Return pauses after events whose next event is known: not the last event read of a full interval."""
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
    """Round up to whole seconds, if it is more than one."""
    return ms if ms < 1000 else -(-ms // 1000) * 1000


def _rows(events: QuerySet[Event]) -> list[Row]:
    return list(events.values_list("id", "kind", "dialect")[:MARKS])


def _mark(row: Row, failed: frozenset[UUID]) -> Mark:
    event, kind, _ = row
    at = occurred_ms(event.int)
    return Mark(kind, at, at, event=event, is_error=kind == "error" or event in failed)


def _meanings(rows: Iterable[Row]) -> tuple[dict[UUID, str], frozenset[UUID]]:
    """Return the pages that events opened, by event, and the events that report errors."""
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
    """Return the visits. A page that is opened again while open stays one visit."""
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
    """Yield the number of events of each kind in each interval."""
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


WIDTH = 1120
LEFT = 128  # of the labels
RIGHT = 16
TOP = 34  # of the pages
ROW = 28
TICK = 14  # height of a mark of one event
BELOW = 30  # of the axis
CHARACTER = 6.6  # about as wide as that
TINTS = 7  # colours of pages; further pages share the last one
TICKS = 8  # on the axis, at most
STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)  # seconds between two of them


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a title, a label and a link."""

    x: float
    y: float
    width: float
    height: float
    title: str
    label: str = ""  # as much of a text as fits in
    style: str = ""
    href: str = ""

    @property
    def middle(self) -> float:
        """Return the middle between left and right."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text at a position."""

    x: float
    y: float
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """All shapes, from back to front."""

    height: float
    bottom: float  # of the rows
    pages: tuple[Box, ...]
    idles: tuple[Box, ...]
    rows: tuple[Text, ...]
    ticks: tuple[Text, ...]
    marks: tuple[Box, ...]
    width: float = WIDTH
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP

    @property
    def depth(self) -> float:
        """Return the height of all rows."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Return the middle between the top and the bottom of the rows."""
        return (self.top + self.bottom) / 2


LinkTo = Callable[[UUID | None, int], str]  # to an event, or to the events from a millisecond on


def draw(timeline: Timeline, leads: LinkTo) -> Drawing:
    """Return the shapes of a timeline."""
    kinds = list(dict.fromkeys(mark.kind for mark in timeline.marks))
    bottom = TOP + ROW * len(kinds)
    scale = _Scale(timeline.since_ms, max(timeline.until_ms, timeline.since_ms + 1000))
    return Drawing(
        height=bottom + BELOW,
        bottom=bottom,
        pages=tuple(_page_boxes(timeline, scale)),
        idles=tuple(_idle_boxes(timeline, scale, bottom)),
        rows=tuple(
            Text(LEFT - 12, TOP + ROW * (n + 0.5), shorten(kind, 16), kind) for n, kind in enumerate(kinds)
        ),
        ticks=tuple(_ticks(scale, bottom)),
        marks=tuple(_mark_boxes(timeline, scale, kinds, leads)),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Conversion from milliseconds to a position on the axis."""

    since_ms: int
    until_ms: int

    def x(self, ms: int) -> float:
        share = (ms - self.since_ms) / (self.until_ms - self.since_ms)
        return round(LEFT + share * (WIDTH - RIGHT - LEFT), 1)

    def span(self, since_ms: int, until_ms: int) -> tuple[float, float]:
        x = self.x(since_ms)
        return x, round(max(self.x(min(until_ms, self.until_ms)) - x, 1.0), 1)


def _page_boxes(timeline: Timeline, scale: _Scale) -> list[Box]:
    """Return a band for each visit. Visits of the same page have the same colour."""
    tints: dict[str, int] = {}
    found = []
    for visit in timeline.visits:
        tint = tints.setdefault(visit.page, min(len(tints), TINTS))
        x, width = scale.span(visit.since_ms, visit.until_ms)
        page = visit.page or NO_NAME
        title = f"Page {page}: {clock(visit.since_ms)} to {clock(visit.until_ms)} UTC"
        found.append(Box(x, 6, width, TOP - 12, title, fitting(page, width), f"tally-tint-{tint}"))
    return found


def _idle_boxes(timeline: Timeline, scale: _Scale, bottom: float) -> list[Box]:
    found = []
    for idle in timeline.idles:
        x, width = scale.span(idle.since_ms, idle.until_ms)
        length = duration_text((idle.until_ms - idle.since_ms) / 1000)
        title = f"Idle for {length}: {clock(idle.since_ms)} to {clock(idle.until_ms)} UTC"
        label = next((text for text in (f"idle {length}", "idle") if width > len(text) * CHARACTER + 12), "")
        found.append(Box(x, TOP, width, bottom - TOP, title, label))
    return found


def _mark_boxes(timeline: Timeline, scale: _Scale, kinds: list[str], leads: LinkTo) -> list[Box]:
    most = max((mark.count for mark in timeline.marks), default=1)
    rows = {kind: TOP + ROW * number for number, kind in enumerate(kinds)}
    return [_mark_box(mark, scale, rows[mark.kind], most, leads) for mark in timeline.marks]


def _mark_box(mark: Mark, scale: _Scale, top: float, most: int, leads: LinkTo) -> Box:
    style = "tally-mark-error" if mark.is_error else ""
    if mark.event is not None:
        title = f"{mark.kind}{' (error)' if mark.is_error else ''}, {clock(mark.since_ms, exact=True)} UTC"
        x, y = scale.x(mark.since_ms) - 2, top + (ROW - TICK) / 2
        return Box(round(x, 1), y, 4, TICK, title, "", style, leads(mark.event, mark.since_ms))
    x, width = scale.span(mark.since_ms, mark.until_ms)
    height = round(max((ROW - 6) * mark.count / most, 2), 1)
    title = f"{mark.count:,} {mark.kind}, {clock(mark.since_ms)} to {clock(mark.until_ms)} UTC"
    y = round(top + ROW - 2 - height, 1)
    return Box(x, y, max(width - 0.6, 0.8), height, title, "", style, leads(None, mark.since_ms))


def _ticks(scale: _Scale, bottom: float) -> list[Text]:
    """Return round times, in UTC; the first of a day with its date."""
    seconds = (scale.until_ms - scale.since_ms) / 1000
    step = next((step for step in STEPS if seconds / step <= TICKS), None)
    step = step or -(-int(seconds) // TICKS // STEPS[-1]) * STEPS[-1]
    found, day = [], ""
    at = -(-scale.since_ms // (step * 1000)) * step * 1000
    while at <= scale.until_ms:
        time = moment(at)
        date = day_of(time)
        text = f"{time:%H:%M}" if step >= 60 else f"{time:%H:%M:%S}"
        found.append(Text(scale.x(at), bottom + 18, text if date == day else f"{date}, {text}"))
        day = date
        at += step * 1000
    return found


def fitting(text: str, width: float) -> str:
    """Return as much of a text as fits a width, or an empty text if too little fits."""
    room = int((width - 12) / CHARACTER)
    return shorten(text, room) if room >= min(len(text), 5) and room > 2 else ""


def clock(ms: int, *, exact: bool = False) -> str:
    """Return a time of day in UTC."""
    at = moment(ms)
    return f"{at:%H:%M:%S}" + (f".{ms % 1000:03d}" if exact else "")


def day_of(at: datetime) -> str:
    """Return a short date."""
    return f"{at.day} {at:%b}"
