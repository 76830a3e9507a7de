"""The overview: how much came in, of which kinds, from which sources, and what was rejected."""

from reports.charts import palette
from reports.charts.numbers import SHARE, Change, change, count
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of, top_and_rest
from reports.figures.overview import Overview, SourceSums, overview
from reports.filters import Filters
from reports.pages.links import events
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Empty, Figure, Report
from reports.pages.words import events_in_words, of_period, plural

EVENTS = count("events")
MUCH_REJECTED = 0.05  # a share that wants attention
REST = "other kinds"
UNTOLD = "(kind unknown)"


def build(filters: Filters, context: Context) -> Report:
    """The report."""
    found = overview(filters, context.now)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters, context)),
        attention=tuple(_attention(found, context)),
        blocks=(_by_kind(found, filters, context), _by_source(found, filters, context)),
        note="Events count in the hour of their receipt; duplicates and rejected ones are among them.",
        empty=None if found.sums.received else _empty(context),
    )


def _empty(context: Context) -> Empty:
    if len(context.links.params) > 0:
        return Empty(
            href=context.links.to("overview", **dict.fromkeys(context.links.params)), label="Lift all filters"
        )
    return Empty("Nothing was received", "Once applications send events, they appear here within seconds.")


def _answer(found: Overview, filters: Filters, context: Context) -> str:
    """The page in a sentence."""
    if not found.sums.received:
        return f"Nothing was received {of_period(filters.period, context.now)}."
    said = f"{events_in_words(found.sums.received)} {of_period(filters.period, context.now)}"
    if found.before and (differs := _change(found)):
        said += (
            f", {differs.text} than {context.compared}"
            if found.before.received
            else f", none in {context.compared}"
        )
        if found.sums.received == found.before.received:
            said = f"{said.rpartition(',')[0]}, as many as {context.compared}"
    largest = found.sources[0]
    if len(found.sources) > 1:
        part = SHARE.short(largest.received / found.sums.received)
        said += f"; {context.sources.get(largest.source_id, 'one source')} sent {part} of them"
    return f"{said}."


def _change(found: Overview) -> Change | None:
    return change(found.sums.received, found.before.received) if found.before else None


def _figures(found: Overview, filters: Filters, context: Context) -> list[Figure]:
    sums, before = found.sums, found.before
    shares = [
        bad / all_of if all_of and bad is not None else None
        for bad, all_of in zip(found.rejected, found.received, strict=True)
    ]
    return [
        Figure(
            "Events received",
            sums.received,
            EVENTS,
            _change(found),
            spark=found.received,
            href=events(filters),
        ),
        Figure(
            "Rejected",
            sums.rejected_share,
            SHARE,
            change(sums.rejected_share, before.rejected_share, more_is="bad") if before else None,
            spark=shares,
            note=plural(sums.rejected, "event"),
            tone="bad" if (sums.rejected_share or 0) > MUCH_REJECTED else "",
        ),
        Figure(
            "Duplicates",
            sums.duplicates,
            EVENTS,
            change(sums.duplicates, before.duplicates) if before else None,
            note="sent again, stored once",
        ),
        Figure(
            "Sources heard",
            sums.sources,
            count("sources"),
            change(sums.sources, before.sources, more_is="good") if before else None,
            note=f"of {len(context.sources):,}",
        ),
    ]


def _attention(found: Overview, context: Context) -> list[Attention]:
    """Sources of which much is rejected, and those that sent something before and nothing now."""
    bad = sorted(
        (each for each in found.sources if each.rejected > each.received * MUCH_REJECTED),
        key=lambda each: -each.rejected,
    )
    return [
        Attention(
            f"{plural(each.rejected, 'event')} of {_name(each, context)} "
            f"{'was' if each.rejected == 1 else 'were'} rejected: "
            f"{SHARE.short(each.rejected / each.received)} of what it sent.",
            context.links.here(source=each.source_id),
            "Narrow to it",
        )
        for each in bad[:3]
    ]


def _name(each: SourceSums, context: Context) -> str:
    return context.sources.get(each.source_id, f"source {each.source_id}")


def _by_kind(found: Overview, filters: Filters, context: Context) -> Block:
    named = [(kind or UNTOLD, values) for kind, values in found.by_kind.items()]
    largest = top_and_rest(named, REST)
    hues = palette.of_kinds([name for name, _ in largest])
    series = [
        Series(name, values, hues[name], ("kind", name) if name not in (REST, UNTOLD) else None)
        for name, values in largest
    ]
    if found.received_before is not None:
        places = len(found.received)
        beside = (*found.received_before, *(None,) * places)[:places]
        series.append(Series(context.compared, beside, palette.REST, is_beside=True))
    sentence = ""
    if largest and found.sums.received:
        part = SHARE.short(sum(value or 0 for value in largest[0][1]) / found.sums.received)
        sentence = f"Most are {largest[0][0]}: {part} of all."
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(
        f"Events received over time, by kind. {sentence}", filters.period, buckets, tuple(series), EVENTS
    )
    return Block("kinds", "Events received, by kind", sentence, chart)


def _by_source(found: Overview, filters: Filters, context: Context) -> Block:
    hues = palette.of_sources([each.source_id for each in found.sources])
    columns: tuple[Column, ...] = (
        Column("source", "Source"),
        Column("received", "Received", EVENTS, has_bar=True),
        Column("before", context.compared.capitalize(), EVENTS),
        Column("duplicates", "Duplicates", EVENTS),
        Column("rejected", "Rejected", EVENTS),
        Column("rejected_share", "Rejected share", SHARE),
    )
    rows = tuple(_row(each, hues[each.source_id], filters, context) for each in found.sources)
    if not filters.compare:
        columns = tuple(column for column in columns if column.name != "before")
        rows = tuple(
            Row((*row.cells[:2], *row.cells[3:]), row.href, row.hrefs, row.hue, row.tones) for row in rows
        )
    return Block("sources", "By source", table=Table(columns, rows))


def _row(each: SourceSums, hue: int, filters: Filters, context: Context) -> Row:
    share = each.rejected / each.received if each.received else None
    return Row(
        (_name(each, context), each.received, each.before, each.duplicates, each.rejected, share),
        href=context.links.here(source=each.source_id),
        hrefs={"received": events(filters, source=each.source_id)},
        hue=hue,
        tones={"rejected_share": "bad"} if share and share > MUCH_REJECTED else {},
    )


PAGE = Page(
    "overview",
    "What came in",
    "bar_chart",
    build,
    filters=("owner", "source", "kind", "period", "compare", "granularity", "zone"),
)
