"""Drawing: a timeline as shapes, time from left to right on a true scale, one row for each kind of event.

Lengths are in the units of the drawing's own grid, which is as wide as a page on a large screen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.admin.facts import NO_NAME
from events.admin.timeline import Mark, Timeline
from events.identity import moment
from events.words import cut, lasting

WIDTH = 1120
LEFT = 128  # of the labels
RIGHT = 16
TOP = 34  # of the pages
ROW = 28
TICK = 14  # height of a mark of one event
BELOW = 30  # of the axis
CHARACTER = 6.6  # about as wide as that
TINTS = 7  # colours of pages; further pages share the last one
TICKS = 8  # on the axis, at the most
STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)  # seconds between two of them


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, with what it says and where it leads."""

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
        """Between left and right."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text at a place."""

    x: float
    y: float
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """All shapes, from the back to the front."""

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
        """Height of all rows."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Between the top and the bottom of the rows."""
        return (self.top + self.bottom) / 2


Leads = Callable[[UUID | None, int], str]  # to an event, or to the events from a millisecond on


def draw(timeline: Timeline, leads: Leads) -> Drawing:
    """The shapes of a timeline."""
    kinds = list(dict.fromkeys(mark.kind for mark in timeline.marks))
    bottom = TOP + ROW * len(kinds)
    scale = _Scale(timeline.since_ms, max(timeline.until_ms, timeline.since_ms + 1000))
    return Drawing(
        height=bottom + BELOW,
        bottom=bottom,
        pages=tuple(_pages(timeline, scale)),
        idles=tuple(_idles(timeline, scale, bottom)),
        rows=tuple(
            Text(LEFT - 12, TOP + ROW * (n + 0.5), cut(kind, 16), kind) for n, kind in enumerate(kinds)
        ),
        ticks=tuple(_ticks(scale, bottom)),
        marks=tuple(_marks(timeline, scale, kinds, leads)),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From milliseconds to a place on the axis."""

    since_ms: int
    until_ms: int

    def x(self, ms: int) -> float:
        share = (ms - self.since_ms) / (self.until_ms - self.since_ms)
        return round(LEFT + share * (WIDTH - RIGHT - LEFT), 1)

    def span(self, since_ms: int, until_ms: int) -> tuple[float, float]:
        x = self.x(since_ms)
        return x, round(max(self.x(min(until_ms, self.until_ms)) - x, 1.0), 1)


def _pages(timeline: Timeline, scale: _Scale) -> list[Box]:
    """A band for each visit; visits of the same page look the same."""
    tints: dict[str, int] = {}
    found = []
    for visit in timeline.visits:
        tint = tints.setdefault(visit.page, min(len(tints), TINTS))
        x, width = scale.span(visit.since_ms, visit.until_ms)
        page = visit.page or NO_NAME
        title = f"Page {page}: {clock(visit.since_ms)} to {clock(visit.until_ms)} UTC"
        found.append(Box(x, 6, width, TOP - 12, title, fitting(page, width), f"tally-tint-{tint}"))
    return found


def _idles(timeline: Timeline, scale: _Scale, bottom: float) -> list[Box]:
    found = []
    for idle in timeline.idles:
        x, width = scale.span(idle.since_ms, idle.until_ms)
        length = lasting((idle.until_ms - idle.since_ms) / 1000)
        title = f"Idle for {length}: {clock(idle.since_ms)} to {clock(idle.until_ms)} UTC"
        label = next((text for text in (f"idle {length}", "idle") if width > len(text) * CHARACTER + 12), "")
        found.append(Box(x, TOP, width, bottom - TOP, title, label))
    return found


def _marks(timeline: Timeline, scale: _Scale, kinds: list[str], leads: Leads) -> list[Box]:
    most = max((mark.count for mark in timeline.marks), default=1)
    rows = {kind: TOP + ROW * number for number, kind in enumerate(kinds)}
    return [_mark(mark, scale, rows[mark.kind], most, leads) for mark in timeline.marks]


def _mark(mark: Mark, scale: _Scale, top: float, most: int, leads: Leads) -> Box:
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
    """Round times, in UTC; the first of a day with its date."""
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
    """As much of a text as fits into a width; nothing where that tells nothing."""
    room = int((width - 12) / CHARACTER)
    return cut(text, room) if room >= min(len(text), 5) and room > 2 else ""


def clock(ms: int, *, exact: bool = False) -> str:
    """A time of day in UTC."""
    at = moment(ms)
    return f"{at:%H:%M:%S}" + (f".{ms % 1000:03d}" if exact else "")


def day_of(at: datetime) -> str:
    """A day, short."""
    return f"{at.day} {at:%b}"
