"""Text that came from elsewhere, made fit for a mail: one line, nothing that turns, ends or hides it."""

import re

REPLACED = "\N{REPLACEMENT CHARACTER}"
# Control characters, what else ends a line, blanks but those that hold a number together; lone surrogates,
# which have no UTF-8; marks that turn the direction of what follows, and what has no width.
_BLANK = re.compile("[\x00-\x20\x7f-\x9f\u1680\u2000-\u200a\u2028\u2029\u205f\u3000]+")
_UNFIT = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff]")
_LINKING = re.compile(r"(?<!\d)[.:@/](?=\S)|[.:@/](?=[^\s\d])")  # numbers stay as they are
_HIDDEN = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def line(text: str, most: int = 200) -> str:
    """A text as one visible line of at most `most` characters."""
    found = _HIDDEN.sub("", _UNFIT.sub(REPLACED, _BLANK.sub(" ", text))).strip()
    return found if len(found) <= most else f"{found[: most - 1].rstrip()}…"


def unlinked(text: str) -> str:
    """A text that mail programs make no link of: a joiner without width stands where one would begin."""
    return _LINKING.sub("\\g<0>\u2060", text)
