"""The palette: colours are distinguishable for everybody in both themes, and consistent across pages."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from events.kinds import KINDS
from reports.charts import palette

CSS = (Path(__file__).parents[2] / "reports/static/reports/reports.css").read_text()
APART = 0.08  # distance in OKLab; 0.02 is barely noticeable
PAPER = {"light": "#ffffff", "dark": "#111827"}
# Linear light as seen by people who lack one kind of cone (Machado, Oliveira, Fernandes 2009, severity 1).
SEEN_BY = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}
HUE = re.compile(r"--tally-hue-(\d): (#\w{6});")
THEMES = {
    theme: [colour for _, colour in HUE.findall(text)]
    for theme, text in zip(("light", "dark"), CSS.split(".dark {", 1), strict=True)
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def oklab(light: list[float]) -> tuple[float, ...]:
    r, g, b = (max(0.0, min(1.0, part)) for part in light)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def luminance(colour: str) -> float:
    r, g, b = linear(colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eyes", SEEN_BY)
def test_colours_are_distinguishable_with_any_colour_vision(theme: str, eyes: str) -> None:
    seen = [
        oklab([sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in SEEN_BY[eyes]])
        for colour in THEMES[theme]
    ]
    for (one, a), (other, b) in combinations(enumerate(seen), 2):
        distance = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5
        assert distance > APART, (one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_colours_contrast_with_the_background(theme: str) -> None:
    for colour in THEMES[theme]:
        darker, lighter = sorted((luminance(colour), luminance(PAPER[theme])))
        assert (lighter + 0.05) / (darker + 0.05) > 2.8, colour


def test_the_stylesheet_has_each_hue_in_both_themes() -> None:
    hues = [*map(str, range(palette.MOST)), str(palette.REST)]
    assert [hue for hue, _ in HUE.findall(CSS)] == hues * 2


def test_every_kind_has_an_assigned_colour() -> None:
    assert set(palette.KINDS) == set(KINDS)


def test_a_name_keeps_its_colour_whatever_else_is_shown() -> None:
    assert palette.of_kinds(["log"]) == {"log": 4}
    assert palette.of_kinds(["error", "log", "interact"])["log"] == 4
    assert palette.of_kinds(["log", "response"]) == palette.of_kinds(["response", "log"])
    assert len(set(palette.of_sources(list(range(40, 47))).values())) == palette.MOST


def test_kinds_keep_their_assigned_colours() -> None:
    of_all = ["interact", "ui_action", "impression", "start", "assess", "end", "emitted_event"]
    of_learning = ["interact", "impression", "start", "assess", "end", "response", "search"]
    for names in (of_all, of_learning):
        assert palette.of_kinds(names) == {name: palette.KINDS[name] for name in names}


def test_a_kind_without_its_own_colour_takes_none_in_use() -> None:
    found = palette.of_kinds(["metrics", "impression", "start"])
    assert (found["impression"], found["start"]) == (palette.KINDS["impression"], palette.KINDS["start"])
    assert found["metrics"] not in (found["impression"], found["start"])


def test_names_beyond_the_palette_are_grey() -> None:
    found = palette.of_names([f"name {number}" for number in range(12)])
    assert [hue for hue in found.values() if hue == palette.REST] == [palette.REST] * 5
    assert len(set(found.values())) == palette.MOST + 1
