"""Small tables of pages: the parts of something, each with its share of the whole."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A row of a table: its name, its other cells, its share of the whole in percent, and where it leads."""

    name: str
    cells: tuple[str, ...]
    share: float = 0
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A small table of parts; `note` says what it leaves out."""

    caption: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    note: str = ""
    texts: int = 0  # cells after the name that are no numbers
    is_wide: bool = False

    @property
    def rows(self) -> Iterator[tuple[Line, list[tuple[str, str]]]]:
        """The lines, each with its cells and the heads of their columns."""
        for line in self.lines:
            yield line, list(zip(self.heads[1:], line.cells, strict=True))
