"""Interface: what users did on pages that report to Availity's telemetry, and how bad it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.figures.ratio import ratio
from reports.figures.series import Counts, counts, filled, summed
from reports.filters import Filters
from reports.rollups import reading
from reports.rollups.models import UiActions
from reports.rollups.relation import Where

LISTED = 1_000  # rows of a table
KEYS = ("category", "label", "action", "customer", "payer", "level")  # what it can be narrowed by
ELEMENT = ("category", "label", "action")


@dataclass(frozen=True, slots=True)
class Part:
    """Actions that have some keys in common; all of them, where they have none."""

    keys: tuple[str, ...]
    actions: int
    errors: int
    before: int | None  # actions in the period that this one is compared with

    @property
    def error_share(self) -> float | None:
        """Errors of all."""
        return ratio(self.errors, self.actions)


@dataclass(frozen=True, slots=True)
class Parts:
    """The largest parts, the largest first, and how many there are in all."""

    rows: tuple[Part, ...]
    of: int


@dataclass(frozen=True, slots=True)
class Interface:
    """All figures of the page."""

    actions: int
    actions_before: int | None
    levels: dict[str, int]  # actions by level, '' where none was said; the most frequent first
    levels_before: dict[str, int] | None
    by_level: dict[str, Counts]  # over time
    total: Counts
    elements: Parts  # by category, label and action
    customers: Parts
    payers: Parts

    @property
    def errors(self) -> int:
        """Messages of level error."""
        return self.levels.get("error", 0)

    @property
    def error_share(self) -> float | None:
        """Errors of all."""
        return ratio(self.errors, self.actions)


def interface(filters: Filters, now: datetime, narrowed: Mapping[str, str] | None = None) -> Interface:
    """The figures of a period, and of the one that it is compared with; `narrowed` has values of KEYS."""
    where: Where = dict(narrowed or {})
    compared = filters.compared
    levels = _levels(filters, where)
    levels_before = _levels(compared, where) if compared else None
    by_level, total = _over_time(filters, where, now)
    return Interface(
        actions=sum(levels.values()),
        actions_before=None if levels_before is None else sum(levels_before.values()),
        levels=levels,
        levels_before=levels_before,
        by_level=by_level,
        total=total,
        elements=_parts(ELEMENT, filters, compared, where),
        customers=_parts(("customer",), filters, compared, where),
        payers=_parts(("payer",), filters, compared, where),
    )


def _levels(filters: Filters, where: Where) -> dict[str, int]:
    found = reading.top(UiActions, filters, ["level"], ["events"], limit=LISTED, where=where)
    return {row.keys[0]: row.measures["events"] for row in found.rows}


def _over_time(filters: Filters, where: Where, now: datetime) -> tuple[dict[str, Counts], Counts]:
    lines = reading.series(UiActions, filters, ["events"], by="level", most=LISTED, where=where)
    found = {line.key: counts(line, "events", filters, now) for line in lines}
    total = summed([filled({}, filters, now), *found.values()])
    return {level: values for level, values in found.items() if level is not None}, total


def _parts(keys: tuple[str, ...], filters: Filters, compared: Filters | None, where: Where) -> Parts:
    found = reading.top(UiActions, filters, keys, ["events"], limit=LISTED, where=where)
    errors = _counts(keys, filters, where, level="error")
    before = _counts(keys, compared, where) if compared else None
    return Parts(
        tuple(
            Part(
                row.keys,
                row.measures["events"],
                errors.get(row.keys, 0),
                None if before is None else before.get(row.keys, 0),
            )
            for row in found.rows
        ),
        found.of,
    )


def _counts(keys: tuple[str, ...], filters: Filters, where: Where, level: str = "") -> dict[Any, int]:
    """Of a level, where one is given: nothing, where what is asked is narrowed to another."""
    if level and where.get("level", level) != level:
        return {}
    further = {"level": level} if level else {}
    found = reading.top(UiActions, filters, keys, ["events"], limit=10 * LISTED, where={**where, **further})
    return {row.keys: row.measures["events"] for row in found.rows}
