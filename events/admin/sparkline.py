"""Sparklines: a row of small bars, one a day, drawn on the server."""

from collections.abc import Sequence
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

BAR, GAP, HEIGHT = 6, 2, 24  # pixels


def sparkline(counts: Sequence[tuple[date, int]], what: str) -> SafeString:
    """A bar for each day, from zero; the last day, which is not over, is paler. Its label sums them up."""
    most = max((count for _, count in counts), default=0)
    width = len(counts) * (BAR + GAP)
    bars = [
        (
            "tally-days-running" if place == len(counts) - 1 else "tally-days-bar",
            place * (BAR + GAP),
            HEIGHT - (height := _height(count, most)),
            BAR,
            height,
            f"{day:%Y-%m-%d}: {count:,}",
        )
        for place, (day, count) in enumerate(counts)
    ]
    return format_html(
        '<svg class="tally-days" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">'
        "{3}</svg>",
        width,
        HEIGHT,
        f"{what}: {sum(count for _, count in counts):,} in {len(counts)} days, at most {most:,} a day",
        format_html_join(
            "", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', bars
        ),
    )


def _height(count: int, most: int) -> int:
    """In pixels; what is not nothing is seen."""
    return max(1, round(count * HEIGHT / most)) if count else 0
