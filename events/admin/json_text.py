"""JSON for reading: laid out, coloured, safe to put into a page."""

import json
import re
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

MAX_COLOURED = 200_000  # characters; colours of a longer text would cost the browser more than they tell
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<word>true|false|null)"
)


def laid_out(value: Any) -> str:
    """A JSON value over several lines. Lone surrogates, which no page can hold, stay escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def coloured(text: str) -> SafeString:
    """JSON text as HTML: every token escaped, in a span that says what it is."""
    if len(text) > MAX_COLOURED:
        return escape(text)
    pieces: list[str] = []
    done = 0
    for found in _TOKEN.finditer(text):
        pieces.append(escape(text[done : found.start()]))
        pieces.append(f'<span class="json-{found.lastgroup}">{escape(found[0])}</span>')
        done = found.end()
    pieces.append(escape(text[done:]))
    return mark_safe("".join(pieces))  # noqa: S308  (each piece is escaped above)
