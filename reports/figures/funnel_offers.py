"""Suggestions for funnels: pages and kinds of event of a period, and steps that its sessions took.

The two most frequent pages make no funnel: sessions may open them in the other order, or never both.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from events.sessions.session import SessionPage
from reports.figures.funnel import sample
from reports.filters import Filters
from reports.rollups import reading
from reports.rollups.columns import LONGEST
from reports.rollups.models import Events, Pages, Sessions

PAGES = 40
FIRST = 5  # pages of a session that a suggestion looks at
ENOUGH = 0.3  # of the sessions of the first two steps: so many make a third one worth suggesting


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Steps as a reader writes them, and how many of the sessions that were read took them in this order."""

    steps: tuple[str, ...]
    sessions: int


def offers(filters: Filters) -> tuple[str, ...]:
    """Steps as a reader writes them, the most frequent first: pages, then kinds."""
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
    """True if a reader can write a page as a step, which loses the blanks around it."""
    return bool(page and page == page.strip())


def _most_taken(paths: list[tuple[str, ...]]) -> tuple[tuple[str, ...], int] | None:
    """Return the two pages that most paths have in one order, and a third if enough of those go on to it."""
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
