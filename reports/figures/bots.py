"""Bots: how much of a period they account for, for the sentence about what a page leaves out."""

from dataclasses import replace

from reports.filters import Filters
from reports.query import reading
from reports.query.distinct import distinct
from reports.query.relation import EVERYTHING, Where
from reports.rollups.models import (
    Contents,
    ErrorsAffected,
    Events,
    Questions,
    Ratings,
    Sessions,
)

LEARNING = ("start", "end", "assess", "feedback", "search")


def sessions(filters: Filters) -> int:
    """Count the sessions of bots."""
    return int(reading.totals(Sessions, filters.of_bots, ["sessions"])["sessions"])


def events(filters: Filters) -> int:
    """Count the events of bots."""
    return int(reading.totals(Events, filters.of_bots, ["events"])["events"])


def affected(filters: Filters, where: Where = EVERYTHING) -> int:
    """Count the sessions of bots that had errors."""
    return distinct(ErrorsAffected, filters.of_bots, {**where, "what": "session"}).members


def learning(filters: Filters, content: str = "") -> int:
    """Count the events of bots that would count as learning: starts, ends, answers, feedback and searches."""
    if not content:
        return events(replace(filters, kinds=LEARNING))
    where: Where = {"content": content}  # searches have none
    found = (
        reading.totals(Contents, filters.of_bots, ["started", "finished"], where),
        reading.totals(Questions, filters.of_bots, ["attempts"], where),
        reading.totals(Ratings, filters.of_bots, ["count"], where),
    )
    return sum(int(number) for sums in found for number in sums.values())
