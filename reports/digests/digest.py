"""What a digest says, as plain data: content fills it from figures, rendering makes a content of it.

All numbers are written already, as the reader's locale has them. Text may be of
telemetry, as it came: rendering makes it fit.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A headline figure with its change against the period before."""

    label: str
    value: str
    change: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture, once for light mails and once for dark ones, and a text that says the same."""

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
    path: str = ""  # of the page with more, filtered alike


@dataclass(frozen=True)
class Notice:
    """What needs attention, worst first, and the path of the page where it is mended."""

    sentence: str
    path: str = ""


@dataclass(frozen=True)
class Link:
    """A page of Tally, by its path."""

    label: str
    path: str


@dataclass(frozen=True)
class File:
    """A file for those who want the figures."""

    name: str
    content: bytes
    type: str


@dataclass(frozen=True)
class Digest:
    """A whole digest: the answer in words, then what it rests on."""

    answer: str
    period: str  # the days that it tells of, in words, with the zone
    notices: tuple[Notice, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    links: tuple[Link, ...] = ()
    files: tuple[File, ...] = ()
    note: str = ""  # how it is counted
