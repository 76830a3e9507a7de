"""Steps of a funnel: what a reader writes, and what it means in the tables of events.

`page:NAME` is a page shown, as sessions count pages. `event:KIND` is an event of a kind, `event:KIND:TEXT`
one that is called so: in one of the kind's columns in CALLED, whatever the case.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from events.kinds import KINDS
from reports.rollups.columns import LONGEST

MOST = 8

# In which columns of a kind is said what happened, or to what.
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
    """One step, understood."""

    text: str  # as it stands in the address
    what: str  # page or event
    name: str  # of the page; of the event, empty for any of its kind
    kind: str = ""  # of the event

    @property
    def label(self) -> str:
        """For people."""
        if self.what == "page":
            return f"Page {self.name}"
        return f"{self.kind} {self.name}".strip()

    def conditions(self, parameter: str) -> dict[str, str]:
        """By kind, the SQL that an event `d` of its table has to fulfil; empty: any does."""
        if self.what == "page":
            return {kind: sql.format(longest=LONGEST, name=parameter) for kind, sql in _PAGES.items()}
        if not self.name:
            return {self.kind: ""}
        listed = " OR ".join(f"lower(d.{column}) = lower(%({parameter})s)" for column in CALLED[self.kind])
        return {self.kind: f"({listed})"}


def step_of(text: str) -> Step:
    """The step that a text means. Raises ValueError with a sentence."""
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
    """The first MOST steps that can be meant, and a sentence for each text that can't."""
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
