"""Filter bar: the filters of a page, the selected values, and a chip for each active filter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.text import capfirst

from reports.filters import Bots, Filters
from reports.pages.links import Links
from reports.pages.page import Page
from reports.pages.parameters import BOTS, COMPARES, GRANULARITIES, Choices, Parsed
from reports.pages.words import plural_of
from reports.periods import PRESETS
from reports.query import reading
from reports.query.relation import Key
from reports.rollups.models import Events

LISTED = 300  # values that a filter offers, always including the selected ones
# Offered by the browser's completion; every other zone of the IANA's list is taken too.
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Madrid",
    "Europe/Kyiv",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
)


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a filter."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Many:
    """A filter that takes any number of values."""

    name: str
    title: str
    options: tuple[Option, ...]
    count: int  # of all values that there are
    is_typed: bool = False  # nothing is known to offer: values are typed in

    @property
    def chosen(self) -> list[Option]:
        """Return the selected values."""
        return [option for option in self.options if option.is_chosen]

    @property
    def said(self) -> str:
        """Return the text of the closed filter."""
        chosen = self.chosen
        if not chosen:
            return "All"
        return chosen[0].label if len(chosen) == 1 else f"{len(chosen)} chosen"


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter, with the address without it."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The filter bar."""

    many: tuple[Many, ...]
    periods: tuple[Option, ...]
    first: str
    last: str
    bots: tuple[Option, ...]
    compares: tuple[Option, ...]
    granularities: tuple[Option, ...]
    zone: str
    chips: tuple[Chip, ...]
    shows: tuple[str, ...]  # filters that the page supports
    zones: tuple[str, ...] = ZONES


def bar(
    parsed: Parsed, choices: Choices, page: Page, links: Links, offered: Mapping[str, Sequence[str]]
) -> Bar:
    """Return the filter bar of a page. `offered` has the versions and countries that occur."""
    many = tuple(each for each in _many(parsed, choices, offered) if each.name in page.filters)
    period = parsed.filters.period
    periods = [(name, label) for name, (label, _) in PRESETS.items()] + [("custom", "Custom days")]
    return Bar(
        many=many,
        periods=_options(periods, parsed.period),
        first=period.first.isoformat() if parsed.period == "custom" else "",
        last=period.last.isoformat() if parsed.period == "custom" else "",
        bots=_options([("", "Default"), *BOTS.items()], parsed.filters.bots),
        compares=_options(
            [
                (name, capfirst(label))
                for name, label in (COMPARES | {"before": period.before_in_words}).items()
            ],
            parsed.compare,
        ),
        granularities=_options(
            [("", "Automatic"), *((str(each), label) for each, label in GRANULARITIES.items())],
            parsed.granularity,
        ),
        zone=period.zone.key,
        chips=(*_chips(many, links), *(_bots_chip(parsed, links) if "bots" in page.filters else ())),
        shows=page.filters,
    )


def _options(pairs: Sequence[tuple[str, str]], chosen: str) -> tuple[Option, ...]:
    return tuple(Option(value, label, value == chosen) for value, label in pairs)


def _many(parsed: Parsed, choices: Choices, offered: Mapping[str, Sequence[str]]) -> list[Many]:
    filters = parsed.filters
    owners = [key for key in filters.owners or () if "owner" in parsed.params]
    hidden = choices.unstored.difference(filters.sources)
    sources = {key: name for key, name in choices.sources.items() if key not in hidden}
    found = [
        _offer("source", "Source", sources, filters.sources),
        _offer("kind", "Kind", {kind: kind for kind in choices.kinds}, filters.kinds),
        _offer("version", "Version", {each: each for each in offered.get("version", ())}, filters.versions),
        _offer("country", "Country", {each: each for each in offered.get("country", ())}, filters.countries),
    ]
    # A reader who sees one owner has nothing to select.
    return [_offer("owner", "Owner", choices.owners, owners), *found] if len(choices.owners) > 1 else found


def _offer(name: str, title: str, names: Mapping[Key, str], chosen: Sequence[Key]) -> Many:
    """Return the options, selected ones first, then the others by name."""
    rest = sorted((key for key in names if key not in chosen), key=lambda key: names[key].casefold())
    keys = [*chosen, *rest[: max(LISTED - len(chosen), 0)]]
    options = tuple(Option(str(key), names.get(key, str(key)), key in chosen) for key in keys)
    return Many(name, title, options, count=len({*names, *chosen}), is_typed=not names)


def _chips(many: Sequence[Many], links: Links) -> list[Chip]:
    """Return a chip for each filter with selected values: how many out of how many."""
    return [_chip(each, links) for each in many if each.chosen]


def _chip(many: Many, links: Links) -> Chip:
    chosen = many.chosen
    names = ", ".join(option.label for option in chosen[:3]) + (", …" if len(chosen) > 3 else "")
    # The number of values is unknown if they are typed in.
    left = "" if many.is_typed else f" ({len(chosen)} of {many.count:,} {plural_of(many.title.lower())})"
    return Chip(f"{many.title}: {names}{left}", links.here(**{many.name: None}))


def _bots_chip(parsed: Parsed, links: Links) -> list[Chip]:
    """Return a chip if bots are counted differently from the default."""
    label = BOTS.get(parsed.filters.bots)
    return [Chip(f"Bots: {label.lower()}", links.here(bots=None))] if label else []


KEYS = ("version", "country")
MOST = 500  # pairs of them, those with the most events


def offered(filters: Filters, page: Page) -> Mapping[str, Sequence[str]]:
    """Return the values that occur in the period, ignoring other filters, in one statement."""
    if not set(KEYS) & set(page.filters):
        return {}
    everything = replace(filters, versions=(), countries=(), kinds=(), bots=Bots.COUNTED)
    rows = reading.top(Events, everything, KEYS, ["events"], limit=MOST).rows
    return {
        key: tuple(dict.fromkeys(row.keys[place] for row in rows if row.keys[place]))
        for place, key in enumerate(KEYS)
    }
