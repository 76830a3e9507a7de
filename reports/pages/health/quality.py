"""Data quality: rejections, warnings, duplicates, wrong clocks, and unknown keys."""

from django.urls import reverse

from reports.charts.numbers import SHARE, Change, change, count, points, seconds
from reports.figures.quality import OFF, OfVersion, Quality, Sums, quality
from reports.filters import Filters
from reports.pages.health import quality_sections
from reports.pages.health.quality_sections import MANY_OFF, MUCH_REJECTED, NO_VERSION, name_of
from reports.pages.links import rejected, unfilter_link
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Empty, Figure, Report
from reports.pages.words import during, in_utc_hours, of_period, plural

FEW = 10  # fewer events or warnings need no attention
OF_EACH = 2  # sentences of each type of alert


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    found = quality(filters, context.now)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters)),
        attention=tuple(_attention(found, filters, context)),
        blocks=(
            quality_sections.over_time(found, filters, context),
            quality_sections.sources(found, filters, context),
            quality_sections.codes(found, filters),
            quality_sections.clocks(found),
            quality_sections.versions(found, filters, context),
            quality_sections.fields(found, filters, context),
            quality_sections.sessions(found, filters, context),
            quality_sections.unknown(found, filters),
        ),
        note="Rejected events, duplicates and warnings count in the hour of receipt (UTC), clocks and"
        " unknown keys when the events occurred, sessions when they began."
        f" {in_utc_hours(filters.period, 'What is received is')}".rstrip(),
        empty=_empty(context) if found.is_empty else None,
    )


def _empty(context: Context) -> Empty:
    if context.links.params:
        return Empty("Nothing came in", **unfilter_link(context.links))
    return Empty("Nothing came in", "Once applications send events, this page shows their quality.")


def _answer(found: Quality, filters: Filters, context: Context) -> str:
    when = of_period(filters.period, context.now)
    sums, warned = found.sums, ""
    if sums.warnings:
        warned = f"{plural(sums.warnings, 'warning')} about fields that weren't as they should be"
    if found.is_empty:
        return f"Nothing was received {when}."
    if sums.received is None or sums.rejected is None:
        return f"{warned or 'No warnings'} {when}; rejected events aren't counted by version or country."
    if not sums.rejected:
        said = f"None of {plural(sums.received, 'event')} received {when} was rejected"
    else:
        share = f" ({SHARE.short(sums.rejected_share)})" if sums.rejected_share is not None else ""
        said = f"{sums.rejected:,} of {plural(sums.received, 'event')}{share} received {when}"
        said += f" {'was' if sums.rejected == 1 else 'were'} rejected"
        if found.rejected and len(found.rejected.by_code) > 1:
            said += f", most often as “{next(iter(found.rejected.by_code))}”"
    return f"{said}; {warned or 'there were no warnings'}."


def _figures(found: Quality, filters: Filters) -> list[Figure]:
    sums, before = found.sums, found.before
    return [
        Figure(
            "Rejected",
            sums.rejected_share,
            SHARE,
            _changed(sums, before, "rejected_share"),
            spark=found.rejected.total if found.rejected else (),
            note="" if sums.rejected is None else plural(sums.rejected, "event"),
            href=rejected(filters),
        ),
        Figure(
            "Warnings",
            sums.warnings,
            count("warnings"),
            _changed(sums, before, "warnings"),
            note=plural(len({each.path for each in found.fields}), "field"),
            href="#fields",
        ),
        Figure(
            "Sent twice",
            sums.duplicate_share,
            SHARE,
            _changed(sums, before, "duplicate_share"),
            note="" if sums.duplicates is None else plural(sums.duplicates, "duplicate"),
            href=reverse("admin:ingestion_accounts"),
        ),
        Figure(
            f"Clock wrong by {seconds(OFF)}",
            sums.off_share,
            SHARE,
            _changed(sums, before, "off_share"),
            note=f"of {plural(sums.timed, 'event')}",
            href="#clocks",
        ),
    ]


def _changed(sums: Sums, before: Sums | None, name: str) -> Change | None:
    compared = points if name.endswith("_share") else change
    return compared(getattr(sums, name), getattr(before, name), more_is="bad") if before else None


def _attention(found: Quality, filters: Filters, context: Context) -> list[Attention]:
    """Return alerts about many rejections, reused ids, versions with new warnings, and wrong clocks."""
    by_source = found.by_source.items()
    refused = [(source, sums) for source, sums in by_source if (sums.rejected or 0) >= FEW]
    refused = [(source, sums) for source, sums in refused if (sums.rejected_share or 1) > MUCH_REJECTED]
    refused.sort(key=lambda each: -(each[1].rejected or 0))
    twice = [(source, sums) for source, sums in by_source if sums.conflicting]
    twice.sort(key=lambda each: -(each[1].conflicting or 0))
    new = [each for each in found.by_version if each.before == 0 and each.warnings >= FEW]
    off = [(source, sums) for source, sums in by_source if sums.off >= FEW]
    off = [(source, sums) for source, sums in off if (sums.off_share or 0) > MANY_OFF]
    off.sort(key=lambda each: -each[1].off)
    return [
        *(_refused(source, sums, found, filters, context) for source, sums in refused[:OF_EACH]),
        *(_twice(source, sums, context) for source, sums in twice[:OF_EACH]),
        *(_new(each, context) for each in new[:OF_EACH]),
        *(_off(source, sums, context) for source, sums in off[:OF_EACH]),
    ]


def _refused(source: int, sums: Sums, found: Quality, filters: Filters, context: Context) -> Attention:
    codes = found.rejected.codes_of.get(source, {}) if found.rejected else {}
    return Attention(
        f"{SHARE.short(sums.rejected_share or 0)} of what {name_of(source, context)} sent was rejected,"
        f" most for {next(iter(codes), 'no reason')}.",
        rejected(filters, source=source),
        "See why",
    )


def _twice(source: int, sums: Sums, context: Context) -> Attention:
    return Attention(
        f"{name_of(source, context)} sent {plural(sums.conflicting or 0, 'event')} with an ID that it had"
        f" already used for another event. Only the first is stored.",
        context.links.here(source=source),
        "Narrow to it",
    )


def _new(each: OfVersion, context: Context) -> Attention:
    return Attention(
        f"{name_of(each.source, context)} {each.version or NO_VERSION} has"
        f" {plural(each.warnings, 'warning')}, none {during(context.compared)}.",
        context.links.here(source=each.source, version=each.version or None),
        "See the fields",
    )


def _off(source: int, sums: Sums, context: Context) -> Attention:
    return Attention(
        f"{SHARE.short(sums.off_share or 0)} of the events of {name_of(source, context)} came from clocks"
        f" that are wrong by {seconds(OFF)} or more.",
        context.links.here(source=source),
        "Narrow to it",
    )


PAGE = Page("quality", "Data quality", "fact_check", build, group="Data quality")
