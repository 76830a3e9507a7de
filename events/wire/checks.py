"""Checks: the expected values of fields. Other values are accepted and counted as quality warnings.

`out_of_range` is a value that the format's document excludes. `unit` is a value that, by its size, is in
another unit.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.identity import moment

HOUR, DAY = 3_600, 86_400  # seconds
# Milliseconds below this are before 1974; the same number of seconds is a time until the year 5138.
SECONDS_BELOW = 10**11
LONGEST_EXAMPLE = 60  # characters


def _never(_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Check:
    """A rule for a column's stored value."""

    expected: str  # in words, after "send"
    is_out_of_range: Callable[[Any], bool]
    is_in_other_unit: Callable[[Any], bool] = _never


def between(low: float, high: float, expected: str) -> Check:
    """Check that a number is within bounds, inclusively."""
    return Check(expected, lambda number: not low <= number <= high)


def at_least(low: float, expected: str) -> Check:
    """Check that a number is at least a bound."""
    return Check(expected, lambda number: number < low)


def one_of(*values: str) -> Check:
    """Check that a text is one of a few, with the same case."""
    return Check(" or ".join(values) + " (case matters)", lambda text: text not in values)


def seconds(most: float) -> Check:
    """Check a duration in seconds; more than `most` is taken for milliseconds."""
    return Check("seconds, 0 or more", lambda number: number < 0, lambda number: number > most)


def sizes(unit: str) -> Check:
    """Check a size. -1 means unknown."""
    return Check(f"{unit}, or -1 if it isn't known", lambda number: number < 0 and number != -1)


_EARLIEST = moment(SECONDS_BELOW)


def _is_no_time(stored: datetime | None) -> bool:
    return stored is None


def _is_in_seconds(stored: datetime | None) -> bool:
    return stored is not None and stored < _EARLIEST


# A time beyond the calendar isn't stored.
TIME = Check("milliseconds since 1970", _is_no_time, _is_in_seconds)
COUNT = at_least(0, "0 or more")


def example(value: object) -> str:
    """Return a value as the example of a warning."""
    text = value if type(value) is str else _written(value)
    return text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + "…"


def _written(number: object) -> str:
    """Return a number for people."""
    return str(int(number)) if type(number) is float and number.is_integer() else str(number)


def negative_items(items: object, names: Iterable[str]) -> Iterable[tuple[str, object]]:
    """Yield the first negative number under each name in a list of objects."""
    for name in names:
        for item in items if type(items) is list else ():
            number = item.get(name) if isinstance(item, Mapping) else None
            if isinstance(number, int | float) and number < 0:
                yield name, number
                break
