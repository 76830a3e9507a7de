"""The funnel: how many sessions went through some steps in order, read from their events.

No rollup can know the order of what a session did, so events are read: of at most SESSIONS sessions, and as
many as have about EVENTS events. Of more a sample is read, the same at each look: session ids are hashes, so
those below a bound are a fair part of all.

The statement is shaped as in `events.sessions.reading`, for the same plan: session by session along an index.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from events.event import INDEXED
from events.kinds import KINDS
from events.lib.sql import Parameters, compose, identifier
from events.sessions.session import Session, SessionPage
from reports.figures.sessions import in_period
from reports.filters import Filters
from reports.query import reading
from reports.rollups.columns import LONGEST
from reports.rollups.models import Events, Pages, Sessions

MOST = 8

# The columns of a kind that name the action or its object.
CALLED: dict[str, tuple[str, ...]] = {
    "assess": ("item_id", "item_title"),
    "audit": ("state",),
    "end": ("type", "content_id"),
    "error": ("err", "errtype"),
    "feedback": ("content_id",),
    "impression": ("pageid", "type", "subtype"),
    "interact": ("element_id", "type", "subtype"),
    "interrupt": ("type",),
    "log": ("type", "level"),
    "response": ("target_id", "type"),
    "search": ("type", "query"),
    "share": ("direction", "type"),
    "start": ("type", "content_id"),
    "ui_action": ("label", "action", "category", "resulting_event"),
}
_IS_PAGE = "d.resulting_event = 'page' AND d.action = 'load'"
_PAGES = {
    "impression": "left(d.pageid, {longest}) = %({name})s",
    "ui_action": _IS_PAGE + " AND left(coalesce(nullif(d.url, ''), d.category), {longest}) = %({name})s",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A parsed step."""

    text: str  # as written in the URL
    what: str  # page or event
    name: str  # of the page; of the event, empty for any of its kind
    kind: str = ""  # of the event

    @property
    def label(self) -> str:
        """Return the label shown to people."""
        if self.what == "page":
            return f"Page {self.name}"
        return f"{self.kind} {self.name}".strip()

    def conditions(self, parameter: str) -> dict[str, str]:
        """Return, by kind, the SQL condition for an event `d` of its table; empty if any event matches."""
        if self.what == "page":
            return {kind: sql.format(longest=LONGEST, name=parameter) for kind, sql in _PAGES.items()}
        if not self.name:
            return {self.kind: ""}
        listed = " OR ".join(f"lower(d.{column}) = lower(%({parameter})s)" for column in CALLED[self.kind])
        return {self.kind: f"({listed})"}


def step_of(text: str) -> Step:
    """Parse a step. Raises ValueError with a sentence."""
    what, _, rest = text.partition(":")
    rest = rest.strip()
    if what == "page" and rest:
        return Step(text, "page", rest[:LONGEST])
    if what != "event" or not rest:
        raise ValueError(f"{text} is no step: write page:NAME, event:KIND or event:KIND:TEXT")
    kind, _, name = rest.partition(":")
    kind, name = kind.strip(), name.strip()
    if kind not in KINDS:
        raise ValueError(f"There is no kind {kind} of event")
    if name and kind not in CALLED:
        raise ValueError(f"Events of kind {kind} have no name to tell them by; write event:{kind}")
    return Step(text, "event", name, kind)


def steps_of(texts: Iterable[str]) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the first MOST valid steps, and a sentence for each invalid one."""
    found: list[Step] = []
    errors: list[str] = []
    for text in texts:
        try:
            found.append(step_of(text))
        except ValueError as error:
            errors.append(f"{error}.")
    if len(found) > MOST:
        errors.append(f"A funnel has at most {MOST} steps; the first {MOST} are shown.")
    return tuple(found[:MOST]), tuple(errors)


SESSIONS = 2_000  # sessions to read: about as many, and at most twice as many
EVENTS = 40_000  # their events, about
OF_SESSION = 1_000  # events of the steps' kinds that are read of a session, from its first


@dataclass(frozen=True, slots=True)
class Reached:
    """A step, and the sessions that did it after the previous ones."""

    step: Step
    sessions: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """The steps, and how many sessions were read."""

    steps: tuple[Reached, ...]
    sessions: int
    of: int  # all sessions in the period

    @property
    def is_sample(self) -> bool:
        """True if not all sessions were read."""
        return self.sessions < self.of


class _Chosen(NamedTuple):
    """A session to read, with its first and last event."""

    owner_id: int
    source_id: int
    session: str | None
    device: str | None
    channel: str | None
    entry_event: UUID
    exit_event: UUID


def funnel(filters: Filters, steps: Sequence[Step]) -> Funnel:
    """Return how many sessions of a period reached each step."""
    counted = reading.totals(Sessions, filters, ["sessions", "events"])
    chosen = _chosen(filters, _share(counted["sessions"], counted["events"]))
    reached = [0] * (len(steps) + 1)
    for masks in _masks(chosen, steps):
        reached[how_far(masks, len(steps))] += 1
    counts = [sum(reached[place:]) for place in range(1, len(steps) + 1)]
    return Funnel(
        tuple(Reached(step, count) for step, count in zip(steps, counts, strict=True)),
        sessions=len(chosen),
        of=max(counted["sessions"], len(chosen)),
    )


def how_far(masks: Sequence[int], steps: int) -> int:
    """Count the steps done in order. Each mask is an event; its bits are the steps that it matches."""
    done = 0
    for mask in masks:
        done += mask >> done & 1
        if done == steps:
            break
    return done


def _share(sessions: int, events: int) -> float:
    """Return the share of sessions to read."""
    return min(1.0, SESSIONS / max(sessions, 1), EVENTS / max(events, 1))


def sample(filters: Filters, counted: Mapping[str, int]) -> QuerySet[Session]:
    """Return the sessions to read, given the numbers of sessions and events that were `counted`."""
    return _sample(filters, _share(counted["sessions"], counted["events"]))


def _sample(filters: Filters, share: float) -> QuerySet[Session]:
    rows = in_period(filters)
    if share < 1:
        rows = rows.filter(pk__lt=UUID(int=int(share * (1 << 128))))
    return rows.order_by()[: 2 * SESSIONS]


def _chosen(filters: Filters, share: float) -> list[_Chosen]:
    return [_Chosen(*row) for row in _sample(filters, share).values_list(*_Chosen._fields)]


def _masks(chosen: Sequence[_Chosen], steps: Sequence[Step]) -> list[list[int]]:
    """Return, for each session with any step, the masks of its matching events in order."""
    found: list[list[int]] = []
    for column in ("session", "device"):
        part = [each for each in chosen if (each.session is None) == (column == "device")]
        if part and steps:
            sql, parameters = statement(part, steps, column)
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                found += [masks for (masks,) in cursor.fetchall()]
    return found


def statement(part: Sequence[_Chosen], steps: Sequence[Step], column: str) -> tuple[str, Parameters]:
    """Return the statement that reads the steps of sessions; `column` finds their events."""
    low, high = min(each.entry_event for each in part), max(each.exit_event for each in part)
    bounds = f">= '{low}' AND {{id}} <= '{high}'"
    parameters: Parameters = {
        "owners": [each.owner_id for each in part],
        "sources": [each.source_id for each in part],
        "names": [getattr(each, column) for each in part],
        "channels": [each.channel for each in part],
        "lows": [each.entry_event for each in part],
        "highs": [each.exit_event for each in part],
    }
    parameters |= {f"step{place}": step.name for place, step in enumerate(steps)}
    wanted: dict[str, list[tuple[int, str]]] = {}
    for place, step in enumerate(steps):
        for kind, condition in step.conditions(f"step{place}").items():
            wanted.setdefault(kind, []).append((1 << place, condition))
    return (
        _STATEMENT.format(
            mask=_mask(wanted, bounds),
            kinds=", ".join(f"'{kind}'" for kind in wanted),
            column=column,
            indexed=INDEXED,
            condition=_CONDITIONS[column],
            bounds="e.id " + bounds.format(id="e.id"),
            most=OF_SESSION,
        ),
        parameters,
    )


_STATEMENT = """
SELECT array_agg(mask ORDER BY id) FROM (
  SELECT wanted.n, e.id, {mask} AS mask
  FROM (SELECT * FROM unnest(%(owners)s::bigint[], %(sources)s::bigint[], %(names)s::text[],
                             %(channels)s::text[], %(lows)s::uuid[], %(highs)s::uuid[])
        WITH ORDINALITY AS listed (owner_id, source_id, name, channel, low, high, n) OFFSET 0) wanted
  CROSS JOIN LATERAL (
    SELECT e.id, e.kind FROM events_event e
    WHERE left(e.{column}, {indexed}) = left(wanted.name, {indexed}) AND {condition}
      AND e.id >= wanted.low AND e.id <= wanted.high AND {bounds} AND e.kind IN ({kinds})
      AND e.{column} IS NOT DISTINCT FROM wanted.name
      AND e.owner_id IS NOT DISTINCT FROM wanted.owner_id
      AND e.source_id IS NOT DISTINCT FROM wanted.source_id
    ORDER BY e.id LIMIT {most}) e
  OFFSET 0) done
WHERE mask <> 0 GROUP BY n
"""
_CONDITIONS = {
    "session": "e.session IS NOT NULL",
    "device": "e.session IS NULL AND e.device IS NOT NULL AND e.channel IS NOT DISTINCT FROM wanted.channel",
}


def _mask(wanted: dict[str, list[tuple[int, str]]], bounds: str) -> str:
    """Return the steps that an event `e` matches, as bits. Reads the kind's table only if names matter."""
    cases = []
    for kind, bits in wanted.items():
        always = sum(bit for bit, condition in bits if not condition)
        named = " | ".join(
            f"CASE WHEN {condition} THEN {bit} ELSE 0 END" for bit, condition in bits if condition
        )
        found = str(always)
        if named:
            table = KINDS[kind].model._meta.db_table
            found = compose(
                "{always} | coalesce((SELECT {named} FROM {table} d WHERE d.id = e.id AND d.id {bounds}), 0)",
                always=str(always),
                named=named,
                table=identifier(table),
                bounds=bounds.format(id="d.id"),
            )
        cases.append(f"WHEN '{kind}' THEN {found}")
    return f"CASE e.kind {' '.join(cases)} ELSE 0 END"


PAGES = 40
FIRST = 5  # pages of a session that a suggestion looks at
ENOUGH = 0.3  # of the sessions of the first two steps: so many make a third one worth suggesting


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Suggested steps as a reader writes them, and how many of the sessions read took them in this order."""

    steps: tuple[str, ...]
    sessions: int


def offers(filters: Filters) -> tuple[str, ...]:
    """Return steps as a reader writes them, the most frequent first: pages, then kinds."""
    pages = reading.top(Pages, filters, ["page"], ["views"], limit=PAGES).rows
    kinds = reading.top(Events, filters.of_people, ["kind"], ["events"]).rows
    return (
        *(f"page:{row.keys[0]}" for row in pages if _is_step(row.keys[0])),
        *(f"event:{row.keys[0]}" for row in kinds),
    )


def suggested(filters: Filters) -> Suggestion | None:
    """Suggest the steps that most sessions took: two or three pages, or else their first and last kind.

    At most three statements, over the sessions that the funnel itself would read.
    """
    sessions = sample(filters, reading.totals(Sessions, filters, ["sessions", "events"]))
    pages: defaultdict[UUID, dict[str, None]] = defaultdict(dict)
    rows = SessionPage.objects.filter(session__in=sessions.values("pk"), position__lt=FIRST)
    for session, page in rows.order_by("session_id", "position").values_list("session_id", "page"):
        if _is_step(name := page[:LONGEST]):
            pages[session].setdefault(name)
    found = _most_taken([tuple(each) for each in pages.values()])
    if found:
        steps, count = found
        return Suggestion(tuple(f"page:{page}" for page in steps), count)
    kinds = Counter(pair for pair in sessions.values_list("entry_kind", "exit_kind") if pair[0] != pair[1])
    if not kinds:
        return None
    pair, count = min(kinds.items(), key=lambda each: (-each[1], each[0]))
    return Suggestion(tuple(f"event:{kind}" for kind in pair), count)


def _is_step(page: str | None) -> bool:
    """True if a reader can enter a page as a step. Spaces around it would be lost."""
    return bool(page and page == page.strip())


def _most_taken(paths: list[tuple[str, ...]]) -> tuple[tuple[str, ...], int] | None:
    """Return the two pages that most sessions visit in one order, plus a third if enough continue to it."""
    pairs = Counter(steps for path in paths for steps in combinations(path, 2))
    threes = Counter(steps for path in paths for steps in combinations(path, 3))
    if not pairs:
        return None
    pair, count = min(pairs.items(), key=lambda each: (-each[1], each[0]))
    further = {steps: number for steps, number in threes.items() if steps[:2] == pair}
    if further:
        three, number = min(further.items(), key=lambda each: (-each[1], each[0]))
        if number >= ENOUGH * count:
            return three, number
    return pair, count
