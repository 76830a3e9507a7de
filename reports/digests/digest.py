"""A digest as plain data: `content` fills it with figures, `rendering` turns it into a mail.

Numbers are already formatted for the subscriber's locale. Texts of telemetry are as they were received;
rendering makes them safe.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A headline figure, with its change since the previous period."""

    label: str
    value: str
    change: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture for light and dark mails, with a text that says the same."""

    title: str
    png: bytes
    dark_png: bytes
    alt: str


@dataclass(frozen=True)
class Table:
    """A table. The first column is text, the others are right-aligned."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    path: str = ""  # of the page with all rows, with the same filters


@dataclass(frozen=True)
class Notice:
    """Something that needs attention, and the path of the page about it."""

    sentence: str
    path: str = ""


@dataclass(frozen=True)
class Link:
    """A page of Tally, by its path."""

    label: str
    path: str


@dataclass(frozen=True)
class File:
    """An attached file of figures."""

    name: str
    content: bytes
    type: str


@dataclass(frozen=True)
class Digest:
    """A whole digest: a summary in words, then the figures behind it."""

    summary: str
    period: str  # in words, with the time zone
    notices: tuple[Notice, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    links: tuple[Link, ...] = ()
    files: tuple[File, ...] = ()
    note: str = ""  # how figures are counted
