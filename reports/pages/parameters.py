"""Parameters: parsed from a URL into filters, limited to what the person may see.

Invalid parameters are ignored and reported in a sentence. The other filters stay.
"""

import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from events.lib import times
from reports.filters import Bots, Filters
from reports.pages.links import Params
from reports.periods import DAY, PRESETS, Granularity, Period, preset

USUAL = "7d"
COMPARES = {"before": "the period before", "year": "a year ago", "none": "nothing"}
GRANULARITIES = {
    Granularity.QUARTER: "Quarters of an hour",
    Granularity.HOUR: "Hours",
    Granularity.DAY: "Days",
    Granularity.WEEK: "Weeks",
    Granularity.MONTH: "Months",
}
BOTS: Mapping[str, str] = {
    Bots.COUNTED: "Counted everywhere",
    Bots.LEFT_OUT: "Left out everywhere",
    Bots.ONLY: "Only bots",
}
LONGEST_DAYS = 1_100
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
BUCKETS = 750  # buckets of a chart, at most
_A_DAY = {Granularity.QUARTER: 96.0, Granularity.HOUR: 24.0, Granularity.DAY: 1.0}
VALUES = 100  # of one filter
LONGEST_VALUE = 512
COUNTRY_LETTERS = 2


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that a person may select: names by value."""

    owners: Mapping[int, str]
    sources: Mapping[int, str]
    kinds: tuple[str, ...]
    sees_all: bool  # True if selecting no owner means all events
    merged: Mapping[int, int] = field(default_factory=dict)  # sources, and those that they were merged into
    unstored: frozenset[int] = frozenset()  # sources that only rejected events name: not offered


@dataclass(frozen=True, slots=True)
class Parsed:
    """The parameters of an address, parsed."""

    filters: Filters
    params: Params  # those that were understood, as they came: what links carry on
    errors: tuple[str, ...]
    period: str  # name of the preset; custom where days are given
    compare: str
    granularity: str  # empty: as fits the period


class _Parameters:
    """Reader of parameters, one by one. It records the valid ones."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.understood: dict[str, list[str]] = {}
        self.errors: list[str] = []

    def texts(self, name: str, *, once: bool = True) -> list[str]:
        """Return the values of a parameter without duplicates and characters that no database accepts."""
        values = [value.strip() for value in self.params.get(name, [])]
        found = [
            value
            for value in (dict.fromkeys(values) if once else values)
            if value and len(value) <= LONGEST_VALUE and "\x00" not in value
        ]
        return found[:VALUES]

    def first(self, name: str) -> str:
        """Return the last value of a parameter, as forms do; empty without one."""
        return next(reversed(self.texts(name)), "")

    def keep(self, name: str, *values: str) -> None:
        """Record a valid parameter."""
        if values:
            self.understood[name] = list(values)

    def fail(self, sentence: str) -> None:
        """Record an invalid parameter."""
        self.errors.append(sentence)


def parse(
    params: Params, choices: Choices, now: datetime, own: Iterable[str] = (), zone: str = "UTC"
) -> Parsed:
    """Parse the filters of a URL. `own` are parameters that the page itself reads, `zone` is the default."""
    reader = _Parameters(params)
    owners = _keys(reader, "owner", choices.owners)
    sources = _keys(reader, "source", choices.sources)
    kinds = _known(reader, "kind", lambda kind: kind in choices.kinds, "There is no kind {}")
    versions = _known(reader, "version", lambda _: True, "")
    countries = _known(reader, "country", _is_country, "{} is no country's code of two letters", str.upper)
    bots = _one_of(reader, "bots", BOTS, Bots.USUAL, "Bots can't be {}")
    period, name = _period(reader, now, _zone(reader, zone))
    compare = _one_of(reader, "compare", COMPARES, "before", "Nothing can be compared with {}")
    granularity = _granularity(reader, period)
    for each in own:
        reader.keep(each, *reader.texts(each, once=False))
    everybodys = None if choices.sees_all else tuple(choices.owners)
    filters = Filters(
        owners=owners or everybodys,
        period=period,
        granularity=Granularity(granularity) if granularity else period.finest(),
        compare=_compared(period, compare, now),
        sources=(*sources, *_merged(choices, sources)),
        kinds=kinds,
        versions=versions,
        countries=countries,
        bots=Bots(bots),
    )
    return Parsed(filters, reader.understood, tuple(reader.errors), name, compare, granularity)


@cache
def zones() -> frozenset[str]:
    """Return the names in the IANA's time zone database."""
    return frozenset(zoneinfo.available_timezones())


def _merged(choices: Choices, sources: tuple[int, ...]) -> list[int]:
    """Return the sources that were merged into the selected ones and aren't selected themselves."""
    return [key for key, into in choices.merged.items() if into in sources and key not in sources]


def _keys(reader: _Parameters, name: str, names: Mapping[int, str]) -> tuple[int, ...]:
    texts = reader.texts(name)
    by_text = {str(key): key for key in names}
    found = [text for text in texts if text in by_text]
    reader.keep(name, *found)
    for text in texts:
        if text not in by_text:
            reader.fail(f"There is no {name} {text}, or you may not see it; it is left out.")
    return tuple(by_text[text] for text in found)


def _known(
    reader: _Parameters,
    name: str,
    is_known: Callable[[str], bool],
    sentence: str,
    form: Callable[[str], str] = str,
) -> tuple[str, ...]:
    texts = [form(text) for text in reader.texts(name)]
    found = [text for text in texts if is_known(text)]
    reader.keep(name, *found)
    for text in texts:
        if not is_known(text):
            reader.fail(f"{sentence.format(text)}; it is left out.")
    return tuple(found)


def _is_country(text: str) -> bool:
    return len(text) == COUNTRY_LETTERS and text.isascii() and text.isalpha()


def _one_of(reader: _Parameters, name: str, known: Mapping[str, str], usual: str, sentence: str) -> str:
    text = reader.first(name)
    if text in known:
        reader.keep(name, text)
        return text
    if text:
        reader.fail(f"{sentence.format(text)}; it is left out.")
    return usual


def _zone(reader: _Parameters, usual: str) -> ZoneInfo:
    text = reader.first("zone")
    if text in zones():
        reader.keep("zone", text)
        return ZoneInfo(text)
    if text:
        reader.fail(f"There is no time zone {text}; times are in {usual}. Use a name like Europe/Berlin.")
    return ZoneInfo(usual if usual in zones() else "UTC")


def _period(reader: _Parameters, now: datetime, zone: ZoneInfo) -> tuple[Period, str]:
    """Return the period, and the name of its preset."""
    name = reader.first("period")
    first, last = reader.first("from"), reader.first("to")
    if name in PRESETS:
        reader.keep("period", name)
        return preset(name, now, zone), name
    if name not in ("", "custom"):
        reader.fail(f"There is no period {name}; these are the last 7 days.")
    elif first or last:
        try:
            period = _custom(first, last, now, zone)
        except ValueError as error:
            reader.fail(f"{error}; these are the last 7 days.")
        else:
            reader.keep("from", period.first.isoformat())
            reader.keep("to", period.last.isoformat())
            return period, "custom"
    return preset(USUAL, now, zone), USUAL


def _custom(first: str, last: str, now: datetime, zone: ZoneInfo) -> Period:
    """Return the given days. Without the first, it is only the last day; without the last, it ends today.

    Raises ValueError with a sentence.
    """
    end = _date(last) if last else now.astimezone(zone).date()
    begin = _date(first) if first else end
    if not last and begin > end:
        end = begin
    if end < begin:
        raise ValueError("The period ends before it begins")
    if (end - begin).days >= LONGEST_DAYS:
        raise ValueError(f"A period has at most {LONGEST_DAYS:,} days")
    return Period(begin, end + DAY, zone)


def _date(text: str) -> date:
    found = times.parse_day(text)
    if not EARLIEST <= found < LATEST:
        raise ValueError(f"{text} is before {EARLIEST.year} or after {LATEST.year - 1}")
    return found


def _granularity(reader: _Parameters, period: Period) -> str:
    text = reader.first("granularity")
    if text in ("", "auto"):
        return ""
    if text not in GRANULARITIES:
        reader.fail(f"There are no steps of {text}; they are as fits the period.")
        return ""
    wanted = Granularity(text)
    if _A_DAY.get(wanted, 0.0) * period.days > BUCKETS:
        reader.fail(
            f"{GRANULARITIES[wanted]} would be too many for {period.days:,} days; "
            "steps are as fits the period."
        )
        return ""
    reader.keep("granularity", text)
    return text


def _compared(period: Period, compare: str, now: datetime) -> Period | None:
    """Return the compared period. If the period is still running, both are cut off at the same point."""
    if compare == "none":
        return None
    beside = period.year_before() if compare == "year" else period.before()
    return beside.as_far_as(period, now)
