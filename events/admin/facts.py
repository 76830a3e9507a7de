"""Facts: what a page says of one row, field by field, with the help that the model gives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from events.admin.json_text import coloured, laid_out
from events.words import number

COPIED = frozenset({"id", "session", "client_event_id", "actor", "device"})
BYTES = frozenset({"billed_bytes", "wire_bytes"})
NO_NAME = "(no name)"  # of a page whose id is the empty text
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
    """One field of one row."""

    name: str
    label: str
    help: str
    value: str | SafeString
    kind: str = "text"  # text, json: how it is set
    can_copy: bool = False


@dataclass(frozen=True)
class Group:
    """Facts that answer one question."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Document:
    """A longer text of the row, to be opened and copied."""

    title: str
    note: str
    text: str | SafeString
    is_open: bool = False


@dataclass(frozen=True)
class Link:
    """Where the page leads."""

    label: str
    href: str


@dataclass(frozen=True)
class Page:
    """What is said of one row: a sentence, where it leads, groups of facts, documents."""

    sentence: str
    groups: tuple[Group, ...]
    documents: tuple[Document, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def told(self) -> list[Group]:
        """The groups that have anything to say."""
        return [group for group in self.groups if group.facts]


def group(title: str, row: models.Model, names: Iterable[str]) -> Group:
    """The named fields of a row, without the empty ones."""
    found = (fact(row, row._meta.get_field(name)) for name in names)
    return Group(title, tuple(each for each in found if each is not None))


def fact(row: models.Model, field: Any) -> Fact | None:
    """One field of a row; None where it is empty."""
    value = getattr(row, field.name)
    if value is None or value in ("", [], {}):
        return None
    is_json = isinstance(value, dict | list) and not _is_plain_list(value)
    return Fact(
        name=field.name,
        label=label_of(field),
        help=str(field.help_text),
        value=shown(field.name, value),
        kind="json" if is_json else "text",
        can_copy=field.name in COPIED,
    )


def label_of(field: Any) -> str:
    """What a column is called on pages."""
    name = str(field.verbose_name)
    usual = f"OS {name[3:]}" if name.startswith("os ") else capfirst(name)
    return LABELS.get(field.name, usual)


def shown(name: str, value: Any) -> str | SafeString:
    """A value as people read it."""
    if name in BYTES:
        return f"{value:,} bytes"
    if _is_plain_list(value):
        return ", ".join(value)
    for type_, show in SHOWN:
        if isinstance(value, type_):
            return show(value)
    return str(value)


def time(at: datetime) -> SafeString:
    """A moment, to the millisecond, in UTC."""
    at = at.astimezone(UTC)
    text = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), text)


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# How the types of columns are shown; bool stands before int, which it is one of.
SHOWN: tuple[tuple[Any, Callable[[Any], str | SafeString]], ...] = (
    (datetime, time),
    (bool, lambda value: "yes" if value else "no"),
    (float, number),
    (Decimal, lambda value: f"{value:f}"),
    ((dict, list), lambda value: coloured(laid_out(value))),
)
