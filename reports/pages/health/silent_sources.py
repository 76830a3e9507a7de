"""Sentences and a table about silent sources, the same on all pages."""

from collections.abc import Sequence

from django.urls import reverse

from events.store.silent import SilentSource
from reports.charts.numbers import SECONDS, count
from reports.charts.table import Column, Row, Table
from reports.filters import Filters
from reports.pages.page import Context
from reports.pages.report import Attention, Block, Empty
from reports.pages.words import plural

NAMED = 3  # sources, the most active ones
RULE = "Nothing received for 24 hours or more, but something within two weeks."
EMPTY = Empty("No source is silent", "A source is silent if nothing was received from it for 24 hours.")


def silent_sources(silent: Sequence[SilentSource], context: Context) -> list[Attention]:
    """Return a sentence for each of the first ones, and one for the rest."""
    said = [
        Attention(
            f"{_name(each, context)} has been silent for {each.since},"
            f" after {plural(each.received, 'event')} in two weeks.",
            _page_of(each),
            "See the source",
        )
        for each in silent[:NAMED]
    ]
    if more := silent[NAMED:]:
        sentence = f"{plural(len(more), 'more source')} {'is' if len(more) == 1 else 'are'} silent."
        said.append(Attention(sentence, f"{context.links.to('services')}#silent", "See them"))
    return said


def table(silent: Sequence[SilentSource], filters: Filters, context: Context) -> Block:
    """Show all silent sources."""
    zone = filters.period.zone
    columns = (
        Column("source", "Source"),
        Column("silent", "Silent for", SECONDS, note=RULE),
        Column("last", f"Last seen in the hour from ({zone.key})"),
        Column("events", "Events in two weeks", count("events")),
    )
    rows = tuple(
        Row(
            (_name(each, context), each.lasts.total_seconds(), each.last.astimezone(zone), each.received),
            href=_page_of(each),
            tones={"silent": "bad"},
        )
        for each in ([] if context.is_incomplete else silent)
    )
    note = RULE if rows else ""
    return Block("silent", "Silent sources", table=Table(columns, rows), note=note, empty=EMPTY)


def _name(silent: SilentSource, context: Context) -> str:
    return context.sources.get(silent.source_id, silent.name)


def _page_of(silent: SilentSource) -> str:
    return reverse("admin:events_source_change", args=[silent.source_id])
