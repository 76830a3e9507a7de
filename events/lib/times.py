"""Times in URLs: ISO 8601, with an error that says what to write instead.

An unescaped `+` arrives as a space. Epoch numbers are refused, because their unit would be a guess, and
Python parses some of them as a time in the 17th century (1701011212345).
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime

from django.utils import timezone

_OFFSET = re.compile(r"(.*[T ]\d\d.*) (\d\d(?::?\d\d)?)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE]\+?\d+)?", re.ASCII)
_BASIC_DATE = re.compile(r"(?:19|20)\d{6}", re.ASCII)  # 20260131
_PARTS = (1, 10**3, 10**6, 10**9)  # of a second, that epoch numbers count
_LATEST = 10**11  # seconds since 1970: a larger number counts smaller parts
_EXAMPLE = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
_TIME, _DAY = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"
_SHOWN = 60  # characters


def parse_time(text: str) -> datetime:
    """Return the time in a parameter; without an offset, in the current zone.

    Raises ValueError with what to write instead.
    """
    text = text.strip()
    _refuse_number(text, _TIME)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_advice(text)) from None
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def parse_day(text: str) -> date:
    """Return the day in a parameter. Raises ValueError with what to write instead."""
    text = text.strip()
    _refuse_number(text, _DAY)
    with suppress(ValueError):
        return date.fromisoformat(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:_SHOWN]} isn't a date like {_EXAMPLE:{_DAY}}") from None
    raise ValueError(f"{text[:_SHOWN]} is a time; use only the date, {at:{_DAY}}")


def _refuse_number(text: str, form: str) -> None:
    """Raise ValueError for a number, with the time that it probably means."""
    if not _NUMBER.fullmatch(text) or _BASIC_DATE.fullmatch(text):
        return
    number = float(text)
    at = _EXAMPLE
    for parts in _PARTS:
        if abs(number) / parts < _LATEST:
            with suppress(OverflowError, ValueError, OSError):
                at = datetime.fromtimestamp(number / parts, UTC)
            break
    what = "a time" if form == _TIME else "a date"
    raise ValueError(f"{text[:_SHOWN]} is a number; use {what} in ISO 8601, such as {at:{form}}")


def _advice(text: str) -> str:
    if split := _OFFSET.fullmatch(text):
        with suppress(ValueError):
            datetime.fromisoformat(f"{split[1]}+{split[2]}")
            return f"+ in a URL means a space; write %2B instead: {split[1]}%2B{split[2]}"
    return f"{text[:_SHOWN]!r} isn't a time; use ISO 8601, such as {_EXAMPLE:{_TIME}}"
