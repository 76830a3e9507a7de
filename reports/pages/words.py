"""Words shared by the sentences of pages."""

import re
from collections.abc import Iterable
from datetime import datetime
from itertools import zip_longest

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from events.lib.formatting import short_count
from events.store.versions import MOST, OVERFLOW
from reports.charts.numbers import Number, change
from reports.periods import PRESETS, Granularity, Period, preset

_OF = {
    "today": "today",
    "yesterday": "yesterday",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
    "this_month": "this month",
    "last_month": "last month",
}
# Names of buckets, for use inside a sentence.
IN_ONE = {
    Granularity.QUARTER: "in a quarter of an hour",
    Granularity.HOUR: "in an hour",
    Granularity.DAY: "on one day",
    Granularity.WEEK: "in a week",
    Granularity.MONTH: "in a month",
}
# Text that must not be broken across lines: times, and numbers with their units.
_TOGETHER = re.compile(
    r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?|[\d.,]+ (?:%|(?:[A-Z]{3}|[kMGT]?B|ms|s|min|h|d|points)\b))"
)
_SPELT = 1_000_000  # from here on short
ABOUT = (
    "Numbers with “about” are counted from a sample, because there are very many, and are accurate to 3 %."
)

OVERFLOWN = (
    f"{OVERFLOW} is every version beyond the first {MOST} of a source: they are counted together. The version"
    " should name a release, not a build or an event."
)


def explain_versions(names: Iterable[str]) -> str:
    """Return a note if versions of a table are counted together; otherwise an empty text."""
    return OVERFLOWN if OVERFLOW in names else ""


def of_period(period: Period, now: datetime) -> str:
    """Return the period as part of a sentence."""
    for name in PRESETS:
        if period == preset(name, now, period.zone):
            return _OF[name]
    if period.days == 1:
        return f"on {period.first.day} {period.first:%B %Y}"
    if period.is_month:
        return f"in {period.first:%B %Y}"
    first = f"{period.first.day} {period.first:%b}"
    if period.first.year != period.last.year:
        first += f" {period.first.year}"
    return f"from {first} to {period.last.day} {period.last:%b %Y}"


def compared_with(compare: str, period: Period) -> str:
    """Return the compared period in words: the Sunday before, the same days a year ago."""
    return "the same days a year ago" if compare == "year" else period.before_in_words


def during(compared: str) -> str:
    """Return the compared period as an adverb: on the Sunday before, in the week before."""
    is_span = compared.split()[1] in ("week", "month", "period")
    return f"{'in' if is_span else 'on'} {compared}"


def than(
    value: Number, before: Number | None, name: str, *, none: str = "none", same: str = "as many"
) -> str:
    """Return the change from the named period's value, as part of a sentence; empty without a comparison.

    `none` and `same` replace the text for zero and for an equal number.
    """
    if before is None:
        return ""
    if not before:
        return f", {none} {during(name)}"
    differs = change(value, before)
    if differs is None or value == before:
        return f", {same} as {during(name)}"
    return f", {differs.than} {during(name)}"


def plural(number: int, word: str) -> str:
    """Return a number with its noun: 1 event, 2 events."""
    return f"{number:,} {word if number == 1 else plural_of(word)}"


def plural_of(word: str) -> str:
    """Return the plural of a word: sources, countries, searches."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("ch", "sh", "s", "x")) else f"{word}s"


def in_utc_hours(period: Period, what: str) -> str:
    """Return a note that something is counted by whole UTC hours; empty if that makes no difference."""
    if not period.is_off_utc_hours:
        return ""
    counted = period.by_utc_hours()
    begins = {f"{at.astimezone(period.zone):%H:%M}" for at in (counted.since, counted.until)}
    return (
        f"{what} counted by whole UTC hours: by the clocks of {period.zone.key} a day begins at"
        f" {' or '.join(sorted(begins))}."
    )


def about(said: str, *, is_about: bool) -> str:
    """Return a number in words, with "about" if it is an estimate from a sample."""
    return f"about {said}" if is_about else said


def sampled(*, is_about: bool) -> str:
    """Return the note about numbers estimated from a sample; empty if there are none."""
    return ABOUT if is_about else ""


def unbroken(sentence: str) -> SafeString:
    """Return a sentence in which dates, and numbers with their units, don't break across lines."""
    parts = _TOGETHER.split(sentence)
    return format_html_join(
        "",
        "{}{}",
        ((part, _whole(kept)) for part, kept in zip_longest(parts[::2], parts[1::2], fillvalue="")),
    )


def _whole(text: str) -> SafeString:
    return format_html('<span class="tally-nowrap">{}</span>', text) if text else SafeString("")


def events_in_words(number: int) -> str:
    """Return a rounded number of events, such as 1.2 million events; small numbers are exact."""
    if number < _SPELT:
        return plural(number, "event")
    short = short_count(number)
    for letter, word in ((" T", "trillion"), (" G", "billion"), (" M", "million")):
        if short.endswith(letter):
            return f"{short.removesuffix(letter)} {word} events"
    return plural(number, "event")
