"""Builds and tools: what was built where, whether series came whole, how long timers ran."""

from reports.charts.numbers import SECONDS, SHARE, change, count, points
from reports.figures.builds import KEYS, AllBuilds, builds, of_all, whole_share
from reports.filters import Filters
from reports.pages import build_blocks
from reports.pages.build_blocks import EVENTS, NAMES, SERIES, behind
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Control, Empty, Figure, Report
from reports.pages.words import events_in_words, of_period, plural, than
from reports.rollups.wholeness import States

MANY_BROKEN = 0.05  # a share of series that want attention


def build(filters: Filters, context: Context) -> Report:
    """The report."""
    narrowed = {name: value for name in KEYS if (value := context.first(name))}
    found = builds(filters, context.now, narrowed)
    # Of what series and timers were about, only the collection is kept.
    has_series = not set(narrowed) - {"collection"}
    blocks = [build_blocks.over_time(found, filters, context, narrowed)]
    if has_series:
        blocks += [build_blocks.series(found, filters, context), build_blocks.broken(found, filters, context)]
    blocks += [
        build_blocks.parts(name, found, filters, context, narrowed)
        for name in KEYS
        if name != "collection" or not has_series
    ]
    if has_series:
        blocks.append(build_blocks.timers(found, context))
    note = "Events count when they occurred, series and timers when they began."
    if not has_series:
        note += " Series and timers are told apart by collection only, so they are left out here."
    return Report(
        answer=_answer(found, filters, context, has_series=has_series),
        figures=tuple(_figures(found, filters, narrowed, has_series=has_series)),
        attention=tuple(_attention(found, context)) if has_series else (),
        blocks=tuple(blocks),
        controls=tuple(
            Control(name, NAMES[name], narrowed.get(name, ""), hint="any")
            for name in KEYS
            if name in narrowed or name in ("collection", "repository")
        ),
        note=note,
        empty=None if found.sums.events else _empty(),
    )


def _empty() -> Empty:
    return Empty(
        "No builds", "Events of Buildless's clients appear here. Choose a longer period, or lift a filter."
    )


def _answer(found: AllBuilds, filters: Filters, context: Context, *, has_series: bool) -> str:
    when = of_period(filters.period, context.now)
    sums, states = found.sums, found.states
    if not sums.events:
        return f"Nothing was heard of builds {when}."
    said = f"{events_in_words(sums.events)} of builds and tools {when}"
    said += than(sums.events, sums.before, context.compared)
    share = whole_share(states)
    if has_series and share is not None:
        said += (
            f"; {SHARE.short(share)} of {states.series - states.running:,} series that are over came whole"
        )
    return f"{said}."


def _figures(
    found: AllBuilds, filters: Filters, narrowed: dict[str, str], *, has_series: bool
) -> list[Figure]:
    sums, states = found.sums, found.states
    before = of_all(found.series_before) if found.series_before is not None else None
    share = whole_share(states)
    figures = [
        Figure(
            "Events",
            sums.events,
            EVENTS,
            change(sums.events, sums.before),
            spark=found.total,
            href=behind(filters, narrowed),
            note=f"{sums.final:,} end a series or stand alone",
        )
    ]
    if not has_series:
        return figures
    return [
        *figures,
        Figure(
            "Whole series",
            share,
            SHARE,
            points(share, whole_share(before), more_is="good") if before else None,
            note=f"{states.whole:,} of {states.series - states.running:,} that are over",
            href="#collections",
            tone="bad" if share is not None and share < 1 - MANY_BROKEN else "",
        ),
        Figure(
            "Series without an end",
            states.unended,
            SERIES,
            change(states.unended, before.unended, more_is="bad") if before else None,
            note=f"{states.running:,} may be running",
            href="#broken",
        ),
        Figure(
            "Timers",
            found.timers.timers,
            count("timers"),
            note=f"half ran up to {SECONDS.short(found.timers.half)}"
            if found.timers.half is not None
            else "",
            href="#timers",
        ),
    ]


def _attention(found: AllBuilds, context: Context) -> list[Attention]:
    """Collections of which many series are broken, the worst first."""
    worst = [
        (each.series - each.running - each.whole, each)
        for each in found.series
        if 1 - (whole_share(each) or 0) > MANY_BROKEN and each.series > each.running
    ]
    worst.sort(key=lambda pair: -pair[0])
    return [
        Attention(
            f"{broken:,} of {plural(each.series - each.running, 'series').removesuffix('s')} of "
            f"{each.collection or build_blocks.UNTOLD} {'is' if broken == 1 else 'are'} not whole: "
            + ", ".join(_lacks(each))
            + ".",
            context.links.here(collection=each.collection) + "#broken",
            "See which",
        )
        for broken, each in worst[:3]
    ]


def _lacks(states: States) -> list[str]:
    """What series lack, and how many of them."""
    return [
        f"{number:,} {what}"
        for number, what in ((states.unended, "without an end"), (states.with_gaps, "with places missing"))
        if number
    ]


# Its events name no version of their source: what they have instead is the agent's.
PAGE = Page(
    "builds",
    "Builds and tools",
    "construction",
    build,
    filters=tuple(name for name in ALL_FILTERS if name not in ("kind", "version")),
    own=KEYS,
)
