"""Formulas: keeps spreadsheet programs from executing external texts in a CSV file.

A program recognizes a formula by the first character of a cell. Where a cell begins depends on the reader's
locale: if the list separator is a semicolon, quotes inside a line have no meaning, so `a;=1+1` in the second
column of our file is two cells there, and a line break in a text begins a new row. So formulas are searched
for after every character that may separate cells, not only at the beginning.
"""

import re

# Full-width and small forms count too: spreadsheets with Chinese or Japanese input compute some of them.
SIGNS = "=+\\-@＝＋－＠﹦﹢﹣﹫"  # noqa: RUF001  (meant)
BREAKS = "\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
SEPARATORS = f";|{BREAKS}"
# Characters that spreadsheets skip before a sign: spaces, control characters, invisible marks, quotes.
SKIPPED = '\\s"\\x00-\\x20\\x7f-\\xa0\\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u3000\ufeff'

# Possessive, and only from the beginning of a run, so that the time is linear in the length of the text.
_RUN = re.compile(f"(?<![{SEPARATORS}{SKIPPED}])[{SEPARATORS}{SKIPPED}]++(?=[{SIGNS}])")
_LAST_SEPARATOR = re.compile(f".*[{SEPARATORS}]", re.DOTALL)
_FIRST = re.compile(f"[{SIGNS}{BREAKS}]")


def harmless(text: str) -> str:
    """Return the text with an apostrophe before each sign that could begin a formula."""
    marked = _RUN.sub(_marked, text)
    return f"'{marked}" if _FIRST.match(text) else marked


def _marked(run: re.Match[str]) -> str:
    if last := _LAST_SEPARATOR.match(run[0]):
        return f"{last[0]}'{run[0][last.end() :]}"
    return f"'{run[0]}" if run.start() == 0 else run[0]
