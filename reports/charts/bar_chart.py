"""Bar charts: one bar per name, step or range, starting at zero."""

from dataclasses import dataclass
from typing import Any

from reports.charts.numbers import Number, Unit, ticks
from reports.charts.table import Column, Row, Table


@dataclass(frozen=True, slots=True)
class Bar:
    """A name and its value."""

    name: str
    value: Number | None
    hue: int = 0
    note: str = ""  # shown after the value, for example a share
    href: str = ""  # link that filters by this name
    before: Number | None = None  # value to compare with, shown as a mark on the bar


@dataclass(frozen=True, slots=True)
class BarChart:
    """Horizontal bars, the first on top. This leaves room for long names."""

    sentence: str
    bars: tuple[Bar, ...]
    unit: Unit
    title: str = "Name"  # title of the column of names
    kind: str = "bars"

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to show."""
        return not any(bar.value for bar in self.bars)

    def table(self) -> Table:
        """Return the same data as a table."""
        columns = [Column("name", self.title), Column("value", self.unit.name.capitalize(), self.unit)]
        if any(bar.note for bar in self.bars):
            columns.append(Column("note", "Note"))
        if any(bar.before is not None for bar in self.bars):
            columns.append(Column("before", "Before", self.unit))
        picked = {"name": "name", "value": "value", "note": "note", "before": "before"}
        rows = [
            Row(tuple(getattr(bar, picked[column.name]) for column in columns), href=bar.href, hue=bar.hue)
            for bar in self.bars
        ]
        return Table(tuple(columns), tuple(rows))

    def spec(self) -> dict[str, Any]:
        """Return the drawing in the format of charts.js."""
        values = [float(value) for bar in self.bars for value in (bar.value, bar.before) if value is not None]
        # Leave room for the number above a vertical bar.
        most = max(values, default=0.0) * (1.0 if self.kind == "bars" else 1.08)
        return {
            "kind": self.kind,
            "ticks": ticks(most, self.unit),
            "unit": self.unit.name,
            "bars": [
                {
                    "name": bar.name,
                    "value": None if bar.value is None else float(bar.value),
                    "before": None if bar.before is None else float(bar.before),
                    "label": " · ".join(
                        part
                        for part in ("" if bar.value is None else self.unit.short(bar.value), bar.note)
                        if part
                    ),
                    "text": self.unit.exactly(bar.value),
                    "hue": bar.hue,
                    "href": bar.href,
                }
                for bar in self.bars
            ],
        }


@dataclass(frozen=True, slots=True)
class Histogram(BarChart):
    """Vertical bars, in the order of their ranges."""

    kind: str = "histogram"


def steps(
    sentence: str, found: list[tuple[str, int, str]], unit: Unit, *, title: str = "Step", hue: int = 0
) -> BarChart:
    """Build a funnel from the name, value and address of each step, with its share of the previous one."""
    bars, before = [], None
    for name, value, href in found:
        note = f"{value * 100 / before:.0f} % of the step before" if before else ""
        bars.append(Bar(name, value, hue, note, href))
        before = value
    return BarChart(sentence, tuple(bars), unit, title)
