"""Sparks: the small line next to a figure, drawn on the server.

It has no text, since the chart below says the same.
"""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from reports.charts.numbers import Number

WIDTH, HEIGHT, EDGE = 120, 28, 2
FEWEST = 3  # fewer values aren't drawn


def spark(values: Sequence[Number | None]) -> SafeString:
    """Draw a line starting at zero, with gaps for missing data and dots for single values.

    Fewer than three values draw nothing, because two would be a single stroke.
    """
    known = [float(value) for value in values if value is not None]
    if len(known) < FEWEST or not any(known):
        return SafeString("")
    return format_html(
        '<svg class="tally-spark-line" viewBox="0 0 {} {}" preserveAspectRatio="none"'
        ' aria-hidden="true">{}</svg>',
        WIDTH,
        HEIGHT,
        format_html_join("", '<path d="{}"></path>', ((path,) for path in _paths(values, max(known)))),
    )


def _paths(values: Sequence[Number | None], most: float) -> list[str]:
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)
    paths: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            paths.append([])
            continue
        y = HEIGHT - EDGE - float(value) / most * (HEIGHT - 2 * EDGE)
        paths[-1].append(f"{EDGE + place * step:.1f} {y:.1f}")
    return [f"M{' L'.join(points)}" + ("h.1" if len(points) == 1 else "") for points in paths if points]
