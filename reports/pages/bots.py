"""Note about bots on a page: how many are excluded or included, and a link to switch.

Pages of figures about people set `of_bots` to one of the functions below. Other pages count bots like
everybody else, and mention them only if the reader changes the filter.
"""

from dataclasses import dataclass

from reports.figures import bots
from reports.filters import Bots, Filters
from reports.pages.health.error_sections import chosen
from reports.pages.page import Context, Page
from reports.pages.words import plural


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence without its full stop, and the link after it."""

    sentence: str
    href: str
    label: str


def note(page: Page, filters: Filters, context: Context) -> Note | None:
    """Return the note about bots, or None if it isn't needed. Usually runs one statement."""
    if "bots" not in page.filters or (filters.bots is Bots.USUAL and page.of_bots is None):
        return None
    if filters.bots is Bots.ONLY:
        return Note("Only bots are counted", context.links.here(bots=None), "show the usual figures")
    number, words = (page.of_bots or _events)(filters, context)
    if not number:
        return None
    verb = "is" if number == 1 else "are"
    if filters.bots is Bots.COUNTED:
        other = None if page.of_bots else str(Bots.LEFT_OUT)
        return Note(f"{words} {verb} counted", context.links.here(bots=other), "leave them out")
    return Note(f"{words} {verb} not counted", context.links.here(bots=str(Bots.ONLY)), "show them")


def of_sessions(filters: Filters, _: Context) -> tuple[int, str]:
    """Count sessions."""
    number = bots.sessions(filters)
    return number, f"{plural(number, 'session')} of bots"


def of_sessions_or_events(filters: Filters, context: Context) -> tuple[int, str]:
    """Count sessions, or events if there are no sessions, since their actors and devices are excluded too."""
    number, words = of_sessions(filters, context)
    if number:
        return number, words
    number, words = _events(filters, context)
    return number, f"{words}, which belong to no session,"


def of_errors(filters: Filters, context: Context) -> tuple[int, str]:
    """Count the sessions that had an error, or the chosen one."""
    number = bots.affected(filters, chosen(context.first("error")))
    return number, f"{plural(number, 'affected session')} of bots"


def of_learning(filters: Filters, context: Context) -> tuple[int, str]:
    """Count the events, optionally of one content."""
    number = bots.learning(filters, context.first("content"))
    return number, f"{plural(number, 'event')} of bots"


def _events(filters: Filters, _: Context) -> tuple[int, str]:
    number = bots.events(filters)
    return number, f"{plural(number, 'event')} of bots"
