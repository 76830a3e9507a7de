"""Picture: a series as bars, as a PNG that is sharp on phones and readable in either theme."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from reports.charts.numbers import Unit, ticks

# Twice the 544 px that a mail shows it at.
WIDTH, HEIGHT = 1088, 440
PAPER, INK, RULE, BAR = "#ffffff", "#4b5563", "#d5dae1", "#0b7d99"
LEFT, RIGHT, TOP, BOTTOM = 130, 20, 30, 60
TEXT = 26
BASE = HEIGHT - BOTTOM  # where the bars stand
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Bar:
    """One bar: what stands under it, and how high it is; None is a gap in the data."""

    label: str
    value: float | None


def bars(series: Sequence[Bar], unit: Unit) -> bytes:
    """The picture. Bars start at zero; labels stand under as many bars as have room."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(TEXT)
    axis = ticks(max((bar.value or 0 for bar in series), default=0), unit)
    top = axis[-1][0]
    for value, text in axis:
        y = BASE - value / top * (BASE - TOP)
        draw.line((LEFT, y, WIDTH - RIGHT, y), fill=RULE, width=2)
        draw.text((LEFT - 14, y), text, fill=INK, font=font, anchor="rm")
    slot = (WIDTH - LEFT - RIGHT) / max(len(series), 1)
    every = _every(draw, font, series, slot)
    for place, bar in enumerate(series):
        x = LEFT + place * slot
        if bar.value:
            height = max(2.0, bar.value / top * (BASE - TOP))
            draw.rectangle((x + slot * 0.14, BASE - height, x + slot * 0.86, BASE), fill=BAR)
        if place % every == 0:
            draw.text((x + slot / 2, BASE + 12), bar.label, fill=INK, font=font, anchor="mt")
    found = BytesIO()
    image.quantize(32).save(found, "PNG", optimize=True)
    return found.getvalue()


def _every(draw: ImageDraw.ImageDraw, font: Font, series: Sequence[Bar], slot: float) -> int:
    """Each how manieth label has room."""
    widest = max((draw.textlength(bar.label, font=font) for bar in series), default=0)
    return max(1, -(-int(widest + 20) // max(1, int(slot))))
