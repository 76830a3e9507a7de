"""Text from elsewhere in mails: one line that keeps its letters in every script, and can't turn what follows.

Joiners, variation selectors, tags and marks of direction are part of how a word is written (Persian,
Malayalam, Marathi, emoji), so they stay. What ends a line or overrides the direction of text goes.
"""

import re
import unicodedata

from events.lib.formatting import start_of

REPLACED = "\N{REPLACEMENT CHARACTER}"
# Control characters, what else ends a line, and ASCII blanks: runs of them are one blank.
_BLANK = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_WIDE = "\u1680\u2000-\u200a\u205f\u3000"  # blanks of typography and of East Asia stay, one at a time
_WIDE_RUN = re.compile(f"([{_WIDE}])[{_WIDE} ]+")
# Lone surrogates, which have no UTF-8, and what is no character.
_UNFIT = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff]")
# Embeddings and overrides of direction, deprecated format characters, byte order marks.
_TURNING = re.compile("[\u202a-\u202e\u2065\u206a-\u206f\ufeff]")
_LRI, _RLI, _FSI, _PDI = "\u2066", "\u2067", "\u2068", "\u2069"  # isolates: they begin, and end
_LINKING = re.compile(r"(?<!\d)[.:@/](?=\S)|[.:@/](?=[^\s\d])")  # numbers stay as they are
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_UNSEEN = ("Cf", "Zs")  # categories


def one_line(text: str, most: int = 200) -> str:
    """Return a text as one line of at most `most` characters; an empty text where nothing of it shows."""
    found = _UNFIT.sub(REPLACED, _BLANK.sub(" ", text))
    found = _TURNING.sub("", _WIDE_RUN.sub(r"\1", found)).strip()
    if len(found) > most:
        found = f"{start_of(found, most - 1).rstrip()}…"
    found = _closed(found)
    return "" if all(unicodedata.category(char) in _UNSEEN for char in found) else found


def isolated(text: str) -> str:
    """Return a text that leaves the order of what stands beside it alone: without this, the number after an
    Arabic name would move to its other side.
    """
    is_turning = any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)
    return f"{_FSI}{text}{_PDI}" if is_turning else text


def unlinked(text: str) -> str:
    """A text that mail programs make no link of: a joiner without width stands where one would begin."""
    return _LINKING.sub("\\g<0>\u2060", text)


def _closed(text: str) -> str:
    """Return a text without isolates that don't end in it, and without ends of none."""
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
