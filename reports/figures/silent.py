"""Silent: sources that sent events in the period before and none in this one."""

from dataclasses import dataclass

from reports.filters import Filters
from reports.rollups import reading
from reports.rollups.models import Events

SOURCES = 50  # of the period before that are looked at, the largest
FEW = 10  # events; a source that sends fewer may well be silent for a while


@dataclass(frozen=True, slots=True)
class Silent:
    """A source, and what it sent before."""

    source: int
    before: int


def silent(filters: Filters) -> tuple[Silent, ...]:
    """The one that sent most first; two statements."""
    if filters.compared is None:
        return ()
    earlier = reading.top(Events, filters.compared, ["source"], ["events"], limit=SOURCES).rows
    keys = [int(row.keys[0]) for row in earlier if row.measures["events"] >= FEW]
    if not keys:
        return ()
    where = {"source": keys}
    now = reading.top(Events, filters, ["source"], ["events"], limit=len(keys), where=where).rows
    heard = {row.keys[0] for row in now}
    return tuple(
        Silent(int(row.keys[0]), row.measures["events"])
        for row in earlier
        if row.keys[0] in keys and row.keys[0] not in heard
    )
