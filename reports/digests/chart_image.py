"""Bar charts as PNGs with a transparent background, for light and dark mails."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from reports.charts.numbers import Unit, ticks

# Twice the 544 px shown in a mail, three times what fits a phone; text must be readable on both.
WIDTH, HEIGHT = 1088, 480
RIGHT, TOP, BOTTOM = 8, 24, 64
TEXT = 32
GAP = 14  # between the axis and its labels
BASE = HEIGHT - BOTTOM  # of the bars
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """The colours of a chart."""

    ink: Rgb
    rule: Rgb
    bar: Rgb


# Programs that darken a mail by themselves show the light picture on a dark ground. It is readable there too:
# text and bars have a contrast of 4.5 and more on white, and of 3 and more on the ground of our dark mails.
LIGHT = Theme(ink=(107, 114, 128), rule=(156, 163, 175), bar=(11, 125, 153))
DARK = Theme(ink=(178, 187, 199), rule=(75, 86, 99), bar=(86, 180, 205))


@dataclass(frozen=True)
class Bar:
    """One bar: its label and value; None is a gap in the data."""

    label: str
    value: float | None


def bars(series: Sequence[Bar], unit: Unit, theme: Theme = LIGHT) -> bytes:
    """Draw a bar chart from zero, with labels under as many bars as fit."""
    # Transparent in the colour of the text, which its anti-aliased edges blend with.
    image = Image.new("RGBA", (WIDTH, HEIGHT), (*theme.ink, 0))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(TEXT)
    axis = ticks(max((bar.value or 0 for bar in series), default=0), unit)
    top = axis[-1][0]
    left = GAP + max(draw.textlength(text, font=font) for _, text in axis)
    for value, text in axis:
        y = BASE - value / top * (BASE - TOP)
        draw.line((left, y, WIDTH - RIGHT, y), fill=theme.rule, width=2 if value == 0 else 1)
        draw.text((left - GAP, y), text, fill=theme.ink, font=font, anchor="rm")
    slot = (WIDTH - left - RIGHT) / max(len(series), 1)
    every = _every(draw, font, series, slot)
    for place, bar in enumerate(series):
        x = left + place * slot
        if bar.value:
            height = max(2.0, bar.value / top * (BASE - TOP))
            draw.rectangle((x + slot * 0.14, BASE - height, x + slot * 0.86, BASE - 1), fill=theme.bar)
        if place % every == 0:
            draw.text((x + slot / 2, BASE + 12), bar.label, fill=theme.ink, font=font, anchor="mt")
    found = BytesIO()
    image.save(found, "PNG", optimize=True)
    return found.getvalue()


def _every(draw: ImageDraw.ImageDraw, font: Font, series: Sequence[Bar], slot: float) -> int:
    """Return n such that every n-th label fits."""
    widest = max((draw.textlength(bar.label, font=font) for bar in series), default=0)
    return max(1, -(-int(widest + 20) // max(1, int(slot))))
