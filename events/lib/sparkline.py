"""Sparklines: the small bar chart next to a number, drawn on the server."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

BAR, GAP, HEIGHT = 6, 2, 24  # pixels
FEWEST = 3  # fewer values aren't drawn without a label: two bars show no trend


def sparkline(
    values: Sequence[float | Decimal | None],
    label: str = "",
    titles: Sequence[str] = (),
    *,
    is_running: bool = False,
) -> SafeString:
    """Return a bar per value, from zero up, and a gap for each value that is missing.

    The label describes the chart to screen readers. Without one they skip it, because the page shows the same
    numbers elsewhere; then nothing is drawn if there is nothing to see. Titles appear when a bar is hovered
    over. If the last value is still growing, its bar is paler.
    """
    known = [float(value) for value in values if value is not None]
    most = max(known, default=0)
    if not label and (len(known) < FEWEST or most <= 0):
        return SafeString("")
    last = len(values) - 1
    bars = "".join(
        _bar(
            place * (BAR + GAP),
            _height(float(value), most),
            titles[place] if titles else "",
            is_pale=is_running and place == last,
        )
        for place, value in enumerate(values)
        if value is not None
    )
    return format_html(
        '<svg class="tally-spark" viewBox="0 0 {0} {1}" width="{0}" height="{1}"'
        ' preserveAspectRatio="none" {2}>{3}</svg>',
        len(values) * (BAR + GAP),
        HEIGHT,
        format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"'),
        SafeString(bars),
    )


def _bar(x: int, height: int, title: str, *, is_pale: bool) -> str:
    pale = ' class="tally-spark-running"' if is_pale else ""
    shown = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect{pale} x="{x}" y="{HEIGHT - height}" width="{BAR}" height="{height}">{shown}</rect>'


def _height(value: float, most: float) -> int:
    """Return the height of a bar in pixels. Every value above zero is visible."""
    return max(1, round(value * HEIGHT / most)) if value > 0 else 0
