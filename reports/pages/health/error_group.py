"""One group of errors in detail: over time by version, stack traces, samples with their sessions."""

from collections.abc import Sequence

from reports.charts.numbers import count
from reports.charts.table import Column, Moment, Row, Table, clock, offset_if_twice
from reports.figures.error_samples import Sample, Trace, samples, traces
from reports.figures.errors import Found
from reports.filters import Filters
from reports.pages.health.error_sections import NAMELESS, figures, named, over_time, parts
from reports.pages.links import event_page, session_page
from reports.pages.page import Context
from reports.pages.report import Block, Control, Empty, Passage, Report
from reports.pages.words import about, of_period, plural, sampled


def build(found: Found, chosen: dict[str, str], filters: Filters, context: Context) -> Report:
    """Build the report of one group."""
    control = Control(
        "error",
        "Error",
        context.first("error"),
        (("", "All errors"), (context.first("error"), f"{chosen['code'] or NAMELESS}")),
    )
    if not found.groups:
        return Report(
            answer=f"This error did not occur {of_period(filters.period, context.now)}.",
            controls=(control,),
            empty=Empty(href=context.links.here(error=None), label="Look at all errors"),
        )
    (group,) = found.groups
    latest = samples(filters, group)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(figures(found, filters, "#samples")),
        blocks=(
            over_time(found, filters, context, "version"),
            _traces(traces(latest), len(latest)),
            _samples(latest, filters, context),
            parts("versions", "Version", found.versions, found, filters, context),
        ),
        controls=(control,),
        note="Without a session ID, the device counts as the session."
        f" {sampled(is_about=found.sums.is_about)}".rstrip(),
    )


def _answer(found: Found, filters: Filters, context: Context) -> str:
    (group,) = found.groups
    first, last = (clock(at.astimezone(filters.period.zone)) for at in (group.first, group.latest))
    whom = f"{plural(group.sessions, 'session')} of {plural(group.actors, 'actor')}"
    return (
        f"{named(group)} occurred {_times(group.errors)} {of_period(filters.period, context.now)}, in"
        f" {about(whom, is_about=found.sums.is_about)}; first seen"
        f" {first}, last {last}."
    )


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def _traces(found: Sequence[Trace], looked_at: int) -> Block:
    columns = (
        Column("trace", "Begins with"),
        Column("samples", "Samples", count("samples")),
        Column("latest", "Last event", is_id=True),
    )
    rows = tuple(
        Row(
            (_first_line(trace.text), trace.samples, str(trace.latest.id)),
            hrefs={"latest": event_page(trace.latest.id)},
        )
        for trace in found
    )
    passages = tuple(
        Passage(
            f"{trace.samples:,} of the {looked_at:,} samples: {_first_line(trace.text)}",
            trace.text,
            event_page(trace.latest.id),
            "Last event",
        )
        for trace in found
    )
    return Block(
        "traces",
        "Stack traces",
        table=Table(columns, rows),
        passages=passages,
        empty=Empty("No stack trace", "The events of this group have no stack trace."),
        reads_events=True,
    )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _samples(found: Sequence[Sample], filters: Filters, context: Context) -> Block:
    columns = (
        Column("event", "Occurred"),
        Column("source", "Source"),
        Column("version", "Version"),
        Column("page", "Page"),
        Column("actor", "Actor", is_id=True),
        Column("session", "Session", is_id=True),
    )
    rows = tuple(_sample(sample, filters, context) for sample in found)
    sentence = f"The latest {plural(len(rows), 'error')} of this group."
    empty = Empty("No sample", "None of the latest events with this code and type belongs to your owners.")
    return Block(
        "samples",
        "Samples and their sessions",
        sentence,
        table=Table(columns, rows),
        empty=empty,
        reads_events=True,
    )


def _sample(sample: Sample, filters: Filters, context: Context) -> Row:
    at = sample.occurred_at.astimezone(filters.period.zone)
    return Row(
        (
            Moment(at, f"{at:%Y-%m-%d %H:%M:%S}{offset_if_twice(at)}"),
            context.sources.get(sample.source_id, ""),
            sample.version,
            sample.page,
            sample.actor,
            sample.session or sample.device,
        ),
        href=event_page(sample.id),
        hrefs={"session": session_page(sample.session_pk)} if sample.session_pk else {},
    )
