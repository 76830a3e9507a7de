"""External text in mails: one line, with the letters of every script, and no effect on what follows.

Joiners, variation selectors, tags and direction marks are part of how words are written (Persian, Malayalam,
Marathi, emoji), so they stay. Line breaks and direction overrides are removed.
"""

import re
import unicodedata

from events.lib.formatting import start_of

REPLACED = "\N{REPLACEMENT CHARACTER}"
# Control characters, line separators and ASCII spaces. Runs of them become one space.
_BLANK = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_WIDE = "\u1680\u2000-\u200a\u205f\u3000"  # Typographic and East Asian spaces stay, one at a time.
_WIDE_RUN = re.compile(f"([{_WIDE}])[{_WIDE} ]+")
# Lone surrogates, which UTF-8 can't encode, and noncharacters.
_UNFIT = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff]")
# Direction embeddings and overrides, deprecated format characters, byte order marks.
_TURNING = re.compile("[\u202a-\u202e\u2065\u206a-\u206f\ufeff]")
_LRI, _RLI, _FSI, _PDI = "\u2066", "\u2067", "\u2068", "\u2069"  # start and end of isolates
_LINKING = re.compile(r"(?<!\d)[.:@/](?=\S)|[.:@/](?=[^\s\d])")  # numbers stay as they are
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_UNSEEN = ("Cf", "Zs")  # categories


def one_line(text: str, most: int = 200) -> str:
    """Return a text as one line of at most `most` characters, or an empty text if none of it is visible."""
    found = _UNFIT.sub(REPLACED, _BLANK.sub(" ", text))
    found = _TURNING.sub("", _WIDE_RUN.sub(r"\1", found)).strip()
    if len(found) > most:
        found = f"{start_of(found, most - 1).rstrip()}…"
    found = _closed(found)
    return "" if all(unicodedata.category(char) in _UNSEEN for char in found) else found


def isolated(text: str) -> str:
    """Return a text wrapped so that it doesn't reorder its neighbours.

    Without this, the number after an Arabic name would move to its other side.
    """
    is_turning = any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)
    return f"{_FSI}{text}{_PDI}" if is_turning else text


def unlinked(text: str) -> str:
    """Return a text that mail programs don't turn into links, by zero-width joiners in possible links."""
    return _LINKING.sub("\\g<0>\u2060", text)


def _closed(text: str) -> str:
    """Return a text with balanced isolates."""
    begun: list[int] = []
    loose: set[int] = set()
    for place, char in enumerate(text):
        if char in (_LRI, _RLI, _FSI):
            begun.append(place)
        elif char == _PDI and begun:
            begun.pop()
        elif char == _PDI:
            loose.add(place)
    loose.update(begun)
    return "".join(char for place, char in enumerate(text) if place not in loose) if loose else text
