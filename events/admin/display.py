"""Values on admin pages: columns of lists, facts of one row, JSON, small tables and sparklines."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db import models
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from events.lib.fields import AnyField
from events.lib.formatting import number_text, shorten
from events.lib.sparkline import sparkline

Column = Callable[[Any], str | bool]  # of a list
Columns = tuple[str | Column, ...]
NOTHING = mark_safe('<span class="tally-none">-</span>')  # shown for an empty field; cards omit it


def time_column(name: str, label: str = "", *, never: str = NOTHING) -> Column:
    """Return a column for the time in a field, to the second, in UTC. Shows `never` without a time.

    It can be a read-only field of a page too.
    """

    @admin.display(description=label or f"{name.replace('_', ' ').capitalize()} (UTC)", ordering=name)
    def column(row: models.Model) -> str:
        at: datetime | None = getattr(row, name)
        if at is None:
            return never
        at = at.astimezone(UTC)
        return format_html(
            '<time class="tally-nowrap" datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}"
        )

    column.__name__ = name
    return column


def short_text(name: str, length: int = 24, *, label: str = "") -> Column:
    """Return a column for long texts: shortened in the middle, complete on hover."""

    @admin.display(description=label or name.replace("_", " ").capitalize())
    def column(row: models.Model) -> str:
        text: str | None = getattr(row, name)
        if not text:
            return NOTHING
        return format_html('<span class="tally-id" title="{}">{}</span>', text, shorten(text, length))

    column.__name__ = name
    return column


def count_column(name: str, label: str = "", *, is_bad: bool = False) -> Column:
    """Return a column of counts. With `is_bad`, every count but zero is highlighted."""

    @admin.display(description=label or name.replace("_", " ").capitalize())
    def column(row: models.Model) -> str:
        count: int = getattr(row, name)
        attention = " tally-attention" if is_bad and count else ""
        return format_html('<span class="tally-figure{}">{}</span>', attention, f"{count:,}")

    column.__name__ = name
    return column


def daily_sparkline(counts: Sequence[tuple[date, int]], what: str) -> SafeString:
    """Return a bar per day. The last day, which isn't over, is paler. The label states total and maximum."""
    numbers = [count for _, count in counts]
    return sparkline(
        numbers,
        f"{what}: {sum(numbers):,} in {len(counts)} days, at most {max(numbers, default=0):,} a day",
        [f"{day:%Y-%m-%d}: {count:,}" for day, count in counts],
        is_running=True,
    )


MAX_COLOURED = 200_000  # characters; colouring a longer text would slow the browser down too much
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<word>true|false|null)"
)


def indented(value: object) -> str:
    """Return an indented JSON value. Lone surrogates, which no page can contain, stay escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def highlighted(text: str) -> SafeString:
    """Return JSON text as HTML, each token escaped and in a span that names its type."""
    if len(text) > MAX_COLOURED:
        return escape(text)
    pieces: list[str] = []
    done = 0
    for found in _TOKEN.finditer(text):
        pieces.append(escape(text[done : found.start()]))
        pieces.append(f'<span class="json-{found.lastgroup}">{escape(found[0])}</span>')
        done = found.end()
    pieces.append(escape(text[done:]))
    return mark_safe("".join(pieces))  # noqa: S308  (each piece is escaped above)


COPIED = frozenset({"id", "session", "client_event_id", "actor", "device"})
BYTES = frozenset({"billed_bytes", "wire_bytes"})
NO_NAME = "(no name)"  # title of a page with an empty id
# Names of columns that don't read as words.
LABELS = {
    "id": "Id",
    "kind_id": "Kind",
    "pageid": "Page id",
    "uri": "URI",
    "api_version": "API version",
    "url": "URL",
    "err": "Error code",
    "errtype": "Error type",
    "dma": "DMA",
    "stageid": "Stage id",
    "commentid": "Comment id",
    "resvalues": "Result values",
    "topn": "Top results",
    "props": "Properties",
    "timespent": "Time spent",
    "pageviews": "Page views",
    "trace_id": "Trace id",
}


@dataclass(frozen=True)
class Fact:
    """One field of a row."""

    name: str
    label: str
    help: str
    value: str | SafeString
    kind: str = "text"  # text, json: how it is set
    can_copy: bool = False


@dataclass(frozen=True)
class Group:
    """Facts on one subject."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Document:
    """A longer text that can be expanded and copied."""

    title: str
    note: str
    text: str | SafeString
    is_open: bool = False


@dataclass(frozen=True)
class Link:
    """A link on a page."""

    label: str
    href: str


@dataclass(frozen=True)
class Page:
    """The page of one row: a sentence, links, groups of facts, documents."""

    sentence: str
    groups: tuple[Group, ...]
    documents: tuple[Document, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def filled_groups(self) -> list[Group]:
        """Return the groups that have facts."""
        return [group for group in self.groups if group.facts]


def group(title: str, row: models.Model, names: Iterable[str]) -> Group:
    """Return the named fields of a row, without empty ones."""
    found = (fact(row, row._meta.get_field(name)) for name in names)
    return Group(title, tuple(each for each in found if each is not None))


def fact(row: models.Model, field: Any) -> Fact | None:
    """Return one field of a row, or None if it is empty."""
    value = getattr(row, field.name)
    if value is None or value in ("", [], {}):
        return None
    is_json = isinstance(value, dict | list) and not _is_plain_list(value)
    return Fact(
        name=field.name,
        label=field_label(field),
        help=str(field.help_text),
        value=display_value(field.name, value),
        kind="json" if is_json else "text",
        can_copy=field.name in COPIED,
    )


def field_label(field: AnyField) -> str:
    """Return the label of a column."""
    name = str(field.verbose_name)
    usual = f"OS {name[3:]}" if name.startswith("os ") else capfirst(name)
    return LABELS.get(field.name, usual)


def display_value(name: str, value: Any) -> str:
    """Return a value for people."""
    if name in BYTES:
        return f"{value:,} bytes"
    if _is_plain_list(value):
        return ", ".join(value)
    for type_, show in SHOWN:
        if isinstance(value, type_):
            return show(value)
    return str(value)


def time_text(at: datetime) -> SafeString:
    """Return a time in UTC, to the millisecond."""
    at = at.astimezone(UTC)
    text = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), text)


def _is_plain_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# The display of each type of column. bool comes before int, its base class.
SHOWN: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (datetime, time_text),
    (bool, lambda value: "yes" if value else "no"),
    (float, number_text),
    (Decimal, lambda value: f"{value:f}"),
    ((dict, list), lambda value: highlighted(indented(value))),
)


@dataclass(frozen=True)
class TableRow:
    """A row of a table: its name, other cells, share of the whole in percent, and link."""

    name: str
    cells: tuple[str, ...]
    share: float = 0
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A small table of parts; `note` says what it leaves out."""

    caption: str
    heads: tuple[str, ...]
    lines: tuple[TableRow, ...]
    note: str = ""
    texts: int = 0  # cells after the name that are no numbers
    is_wide: bool = False

    @property
    def rows(self) -> Iterator[tuple[TableRow, list[tuple[str, str]]]]:
        """Yield the rows, each with its cells and the titles of their columns."""
        for line in self.lines:
            yield line, list(zip(self.heads[1:], line.cells, strict=True))
