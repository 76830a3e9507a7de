"""Services: what they log, measure and change, which sources are silent, and whose heartbeats are overdue."""

from datetime import timedelta
from urllib.parse import unquote

from events.lib.formatting import duration_text
from reports.charts.numbers import SHARE, change, count
from reports.figures.services import STATISTICS, MetricKey, Services, bad_of, overdue, services
from reports.filters import Filters
from reports.pages import service_blocks, silent
from reports.pages.kind_links import of_kind
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Control, Empty, Figure, Report
from reports.pages.service_blocks import text_of
from reports.pages.words import of_period, plural
from reports.rollups.silences import Life

ENTRIES = count("entries")
BAD = 0.02  # a share of entries that wants attention


def build(filters: Filters, context: Context) -> Report:
    """The report."""
    statistic = context.first("statistic")
    statistic = statistic if statistic in STATISTICS else STATISTICS[0]
    about = context.first("object")
    found = services(filters, context.now, _metric(context.first("metric")), statistic, about)
    options = tuple(
        (text_of(each.key), " · ".join(filter(None, reversed(each.key)))) for each in found.metrics[:200]
    )
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters, context)),
        attention=tuple(_attention(found, filters, context)),
        blocks=(
            service_blocks.levels(found, filters, context),
            service_blocks.logs(found, filters, context),
            silent.table(found.silent, filters, context),
            service_blocks.lives(found, filters, context),
            service_blocks.signs(found, filters, context),
            service_blocks.values(found, filters, context, statistic),
            service_blocks.metrics(found, filters, context),
            service_blocks.trail(found, filters, context, about),
        ),
        controls=(
            Control("metric", "Metric", text_of(found.chosen) if found.chosen else "", options),
            Control("statistic", "Statistic", statistic, tuple((name, name) for name in STATISTICS)),
            Control("object", "Object", about, hint="id of an object"),
        ),
        note="Events count when they occurred. A heartbeat is overdue after three times the usual interval,"
        " and after a quarter of an hour at the least.",
        empty=Empty("No service was heard", "Log entries, measurements, heartbeats and changes appear here:"
                    " V3's LOG, METRICS, HEARTBEAT and AUDIT. Choose a longer period, or lift a filter.")
        if found.is_empty
        else None,
    )  # fmt: skip


def _metric(text: str) -> MetricKey | None:
    parts = [unquote(part) for part in text.split("/")]
    return (
        MetricKey(*parts) if len(parts) == len(MetricKey._fields) and "\x00" not in "".join(parts) else None
    )


def _answer(found: Services, filters: Filters, context: Context) -> str:
    when = of_period(filters.period, context.now)
    if found.is_empty:
        return f"No service was heard {when}."
    if context.is_incomplete:
        said = f"{plural(len(found.lives), 'source')} with heartbeats {when}"
    else:
        said = f"{plural(len(found.silent), 'source')} {'is' if len(found.silent) == 1 else 'are'} silent"
        said = said if found.silent else "No source is silent"
        if late := _overdue(found, filters, context):
            verb = "is" if len(late) == 1 else "are"
            said += f"; {len(late):,} of {plural(len(found.lives), 'heartbeat')} {verb} overdue"
    if not found.lives:
        said = f"No heartbeats {when}" if context.is_incomplete else f"{said}; no heartbeats {when}"
    if found.entries:
        part = SHARE.short(found.bad / found.entries)
        said += f"; {part} of {found.entries:,} log entries were errors"
    return f"{said}."


def _figures(found: Services, filters: Filters, context: Context) -> list[Figure]:
    bad_before = bad_of(found.levels_before) if found.levels_before is not None else None
    before = sum(found.levels_before.values()) if found.levels_before is not None else None
    late = len(_overdue(found, filters, context))
    return [
        Figure(
            "Log entries",
            found.entries,
            ENTRIES,
            change(found.entries, before),
            href=of_kind("log", filters),
        ),
        Figure(
            "Errors logged",
            found.bad,
            ENTRIES,
            change(found.bad, bad_before, more_is="bad"),
            spark=found.by_level.get("ERROR", ()),
            note=f"{SHARE.short(found.bad / found.entries)} of all" if found.entries else "",
            href=of_kind("log", filters, level="ERROR"),
        ),
        Figure(
            "Silent sources",
            None if context.is_incomplete else len(found.silent),
            count("sources"),
            note=f"{late:,} of {plural(len(found.lives), 'heartbeat')} overdue" if found.lives else "",
            tone="bad" if found.silent else "",
            href="#silent",
        ),
        Figure(
            "Metrics",
            len(found.metrics),
            count("metrics"),
            note=f"{sum(each.count for each in found.metrics):,} measurements",
            href=of_kind("metrics", filters),
        ),
    ]


def _overdue(found: Services, filters: Filters, context: Context) -> list[tuple[timedelta, Life]]:
    """Return the overdue heartbeats, the longest first; not those of sources that are said to be silent."""
    if context.is_incomplete:
        return []
    silent_ones = {each.source_id for each in found.silent}
    lives = [each for each in found.lives if each.source_id not in silent_ones]
    late = [(lasts, each) for each in lives if (lasts := overdue(each, filters, context.now))]
    return sorted(late, key=lambda pair: pair[0], reverse=True)


def _attention(found: Services, filters: Filters, context: Context) -> list[Attention]:
    """Silent sources; overdue heartbeats, the longest first; then logs full of errors."""
    return [
        *silent.silent_sources(found.silent, context),
        *(
            Attention(
                f"The heartbeat of {context.sources.get(each.source_id, 'a source')} is overdue: the last was"
                f" {duration_text(round(lasts.total_seconds()))} ago,"
                f" at {each.latest.astimezone(filters.period.zone):%Y-%m-%d %H:%M}.",
                of_kind("heartbeat", filters, source=each.source_id),
                "See its heartbeats",
            )
            for lasts, each in _overdue(found, filters, context)[:3]
        ),
        *(
            Attention(
                f"{SHARE.short(each.bad / each.entries)} of {each.entries:,} log entries of "
                f"{context.sources.get(each.source_id, 'a source')} are errors.",
                of_kind("log", filters, source=each.source_id, level="ERROR"),
                "See the errors",
            )
            for each in found.logs[:2]
            if each.bad > each.entries * BAD
        ),
    ]


PAGE = Page(
    "services",
    "Services",
    "dns",
    build,
    filters=tuple(name for name in ALL_FILTERS if name != "kind"),
    own=("metric", "statistic", "object"),
)
