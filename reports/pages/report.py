"""Report: all content of a page, as plain data. Pages build it; a template renders it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from events.lib.sparkline import sparkline
from reports.charts import Chart
from reports.charts.numbers import NOTHING, Change, Number, Unit
from reports.charts.table import Table
from reports.periods import Period

FIGURES = 4  # at most


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the top of the page, with its change and a link."""

    title: str
    value: Number | None
    unit: Unit
    change: Change | None = None
    spark: Sequence[Number | None] = ()  # the values of the buckets; the page leaves out the running one
    href: str = ""
    note: str = ""
    tone: str = ""  # bad if it needs attention
    is_about: bool = False  # True if it is estimated from a sample

    @property
    def text(self) -> str:
        """Return the formatted number."""
        if self.value is None:
            return NOTHING
        number = self.unit.at_large(self.value)
        return f"about {number}" if self.is_about else number

    @property
    def drawn(self) -> SafeString:
        """Return the sparkline of its values."""
        return sparkline(self.spark)

    @property
    def exact(self) -> str:
        """Return the number with its unit."""
        return f"{'about ' if self.is_about else ''}{self.unit.exactly(self.value)}"


@dataclass(frozen=True, slots=True)
class Attention:
    """A sentence about something that needs attention, with a link."""

    sentence: str
    href: str = ""
    label: str = "Look at it"


@dataclass(frozen=True, slots=True)
class Empty:
    """An empty state: why there is nothing, and the next step."""

    title: str = "Nothing in this period"
    text: str = "Choose a longer period, or remove a filter."
    href: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """A field of the page itself, next to the filters or in a block."""

    name: str
    label: str
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()  # values and labels; none: a text is typed in
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A preformatted text of many lines, for example a stack trace."""

    title: str
    text: str
    href: str = ""
    label: str = "Open"


@dataclass(frozen=True, slots=True)
class Block:
    """A section of the page: a chart with its table, or a table."""

    name: str  # in the addresses of its files
    title: str
    sentence: str = ""  # description of the content
    chart: Chart | None = None
    table: Table | None = None  # instead of the chart's own
    empty: Empty = Empty()
    note: str = ""  # how it is counted
    is_half: bool = False  # two of them next to each other in a wide window
    controls: tuple[Control, ...] = ()  # a form above it
    offers: tuple[str, ...] = ()  # suggestions of the browser in its fields
    passages: tuple[Passage, ...] = ()  # below it
    whole: str = ""  # the complete list, if the table has only its beginning
    reads_events: bool = False  # True if made of single events, which may be removed before figures

    @property
    def rows(self) -> Table:
        """Return its table."""
        if self.table is not None:
            return self.table
        if self.chart is None:
            raise ValueError(f"The block {self.name} has neither a chart nor a table")
        return self.chart.table()

    @property
    def is_empty(self) -> bool:
        """True if it has nothing to show."""
        return not self.rows.rows or (self.chart is not None and self.chart.is_empty)


@dataclass(frozen=True, slots=True)
class Turn:
    """A link to a neighbour, such as the previous or next month, or to the whole."""

    label: str
    href: str
    is_back: bool = False
    is_up: bool = False
    is_download: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A page: a summary sentence, figures, alerts, then the sections, most important first."""

    answer: str
    figures: tuple[Figure, ...] = ()
    attention: tuple[Attention, ...] = ()  # the worst first
    blocks: tuple[Block, ...] = ()
    controls: tuple[Control, ...] = ()
    note: str = ""  # which time counts, where the numbers come from
    empty: Empty | None = None  # instead of all blocks
    errors: tuple[str, ...] = ()  # the page's own parameters that are invalid
    period: Period | None = None  # its period, if it differs from that of the filters
    turns: tuple[Turn, ...] = ()

    def __post_init__(self) -> None:
        if len(self.figures) > FIGURES:
            raise ValueError(f"A page has at most {FIGURES} figures")
        if len({block.name for block in self.blocks}) < len(self.blocks):
            raise ValueError("Two blocks of a page have one name")

    def block(self, name: str) -> Block | None:
        """Return the block with that name."""
        return next((block for block in self.blocks if block.name == name), None)
