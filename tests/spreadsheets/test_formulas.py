"""No text in a CSV file is evaluated as a formula, whatever list separator the reader uses."""

# ruff: noqa: RUF001  (lookalike characters are intended)

import csv
import time
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.spreadsheets.files import content
from events.spreadsheets.formulas import harmless
from events.spreadsheets.sheet import Heading, Sheet

SIGNS = "=+-@＝＋－＠"
TEXTS = [
    *(f"{before}{sign}1+1" for sign in SIGNS for before in ("", " ", "\t", "\r", "\n", "\N{NO-BREAK SPACE}")),
    *(f"a{break_}{sign}1+1" for sign in SIGNS for break_ in (";", "; ", "\n", "\r\n", "\t", "|")),
    'a;"=1+1;b', '";=1+1;"', "a;=HYPERLINK(\"http://x\";\"y\");b", '",=1+1', "a\n\n=1+1", "\ufeff=1", '"=1"',
    "\u200b=1", ";=1",
]  # fmt: skip


def cells(text: str, separator: str) -> list[str]:
    """Return the cells read with this list separator from a file with the text in two columns."""
    sheet = Sheet("x", [Heading("a"), Heading(text), Heading("n")], [["x", text, -1], [text, text, -1]])
    file = content(sheet, "csv").decode("utf-8-sig")
    return [cell for row in csv.reader(StringIO(file, newline=""), delimiter=separator) for cell in row]


def is_formula(cell: str) -> bool:
    return cell.strip(' "\t\r\n\xa0\ufeff\u200b')[:1] in tuple(SIGNS) and cell != "-1"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_text_is_a_formula_in_any_locale(separator: str) -> None:
    assert [cell for text in TEXTS for cell in cells(text, separator) if is_formula(cell)] == []


@given(st.text("=-@＝;,|\t\n\r\"' a", max_size=12), st.sampled_from(",;\t|"))
def test_no_mixture_of_signs_separators_and_quotes_is_a_formula(text: str, separator: str) -> None:
    assert [cell for cell in cells(text, separator) if is_formula(cell)] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a-b",
        "a - b",
        "a = b",
        "x@example.org",
        "2026-11-30",
        "a;b",
        "C:\\=",
        "пример",
        "1+1",
        "a,=b",
    ],
)
def test_other_texts_are_unchanged(text: str) -> None:
    assert harmless(text) == text


@given(st.text())
def test_only_apostrophes_are_added(text: str) -> None:
    written = iter(harmless(text))
    assert all(char in written for char in text)
    assert len(harmless(text)) - harmless(text).count("'") == len(text) - text.count("'")


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, " ;" * 100_000, "=" * 200_000, ";=" * 100_000, '"' * 200_000]
)
def test_escaping_takes_linear_time(text: str) -> None:
    begun = time.process_time()
    harmless(text)
    assert time.process_time() - begun < 5, "quadratic time would be minutes"
