"""Picture: a series as bars, as a PNG that is sharp on phones and readable in either theme."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

# Twice the 544 px that a mail shows it at.
WIDTH, HEIGHT = 1088, 440
PAPER, INK, RULE, BAR, PART = "#ffffff", "#4b5563", "#d5dae1", "#0b7d99", "#8fc5d3"
LEFT, RIGHT, TOP, BOTTOM = 130, 20, 30, 60
TEXT = 26
STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Bar:
    """One bar: what stands under it, and how high it is; None is a gap in the data."""

    label: str
    value: float | None
    is_part: bool = False  # not whole yet, drawn paler


def bars(series: Sequence[Bar], tick: "Tick") -> bytes:
    """The picture. Bars start at zero; labels stand under as many bars as have room."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(TEXT)
    top = _scale(draw, font, max((bar.value or 0 for bar in series), default=0), tick)
    slot = (WIDTH - LEFT - RIGHT) / max(len(series), 1)
    every = _every(draw, font, series, slot)
    for place, bar in enumerate(series):
        x = LEFT + place * slot
        if bar.value:
            height = max(2.0, bar.value / top * (HEIGHT - TOP - BOTTOM))
            box = (x + slot * 0.14, HEIGHT - BOTTOM - height, x + slot * 0.86, HEIGHT - BOTTOM)
            draw.rectangle(box, fill=PART if bar.is_part else BAR)
        if place % every == 0:
            draw.text((x + slot / 2, HEIGHT - BOTTOM + 12), bar.label, fill=INK, font=font, anchor="mt")
    found = BytesIO()
    image.quantize(32).save(found, "PNG", optimize=True)
    return found.getvalue()


class Tick:
    """Writes the numbers at the axis."""

    def __call__(self, value: float) -> str:
        """Short: 1,200 is 1.2 k."""
        for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if value >= size:
                return f"{value / size:g} {unit}"
        return f"{value:g}"


def _scale(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, most: float, tick: Tick
) -> float:
    """Draw lines at round numbers; the number at the top of the picture."""
    step = round_step(most / 4)
    top = step * max(1, -(-most // step))
    value = 0.0
    while value <= top:
        y = HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
        draw.line((LEFT, y, WIDTH - RIGHT, y), fill=RULE, width=2)
        draw.text((LEFT - 14, y), tick(value), fill=INK, font=font, anchor="rm")
        value += step
    return top


def round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 … that isn't less."""
    size = 1
    while True:
        for step in STEPS:
            if step * size >= least:
                return step * size
        size *= 10


def _every(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    series: Sequence[Bar],
    slot: float,
) -> int:
    """Each how manieth label has room."""
    widest = max((draw.textlength(bar.label, font=font) for bar in series), default=0)
    return max(1, -(-int(widest + 20) // max(1, int(slot))))
