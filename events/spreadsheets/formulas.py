"""Formulas: keeps programs that open CSV from computing texts that came from elsewhere.

A program takes a cell for a formula by its first character. Which text is a cell depends on the reader's
locale: where the list separator is a semicolon, quotes inside a line mean nothing, so `a;=1+1` in the second
column of our file is two cells there, and a line break in a text begins a new row. So a formula is looked for
after each character that may separate cells, not only at the beginning.
"""

import re

# Full-width and small forms count too: spreadsheets with Chinese or Japanese input compute some of them.
SIGNS = "=+\\-@＝＋－＠﹦﹢﹣﹫"  # noqa: RUF001  (meant)
BREAKS = "\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
SEPARATORS = f";|{BREAKS}"
# Characters that spreadsheets skip before a sign: blanks, controls, invisible marks, and quotes.
SKIPPED = '\\s"\\x00-\\x20\\x7f-\\xa0\\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u3000\ufeff'

# Possessive, and from the beginning of a run only, so that the time is linear in the text.
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
