"""Palette: which colour a kind, a source or any other name has, the same on all pages and for everybody.

Seven hues and a grey for the rest, which people with each kind of colour blindness tell apart in both themes
(tests/reports/test_palette.py): --tally-hue-0 to --tally-hue-7 in reports.css. Here they are numbers.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar
from zlib import crc32

K = TypeVar("K", str, int)

REST = 7  # the grey of all others together
MOST = 7  # names in one chart that have a hue of their own

# Kinds that are often seen together differ: those of all, of learning, of services. Of those that share a hue
# the later one steps aside.
KINDS: dict[str, int] = {
    "error": 1,
    "interact": 0,
    "impression": 2,
    "start": 3,
    "end": 5,
    "assess": 1,
    "ui_action": 4,
    "emitted_event": 6,
    "log": 4,
    "heartbeat": 6,
    "response": 4,
    "search": 6,
    "metrics": 2,
    "audit": 5,
    "summary": 3,
    "feedback": 4,
    "share": 0,
    "interrupt": 1,
    "exdata": 2,
}


def of_kinds(names: Sequence[str]) -> dict[str, int]:
    """The hues of kinds of event."""
    order = {name: place for place, name in enumerate(KINDS)}
    known = sorted(names[:MOST], key=lambda name: (order.get(name, len(order)), name))
    return _apart([*known, *names[MOST:]], lambda name: KINDS.get(name, crc32(name.encode()) % MOST))


# From the quiet to the bad one, of logs and of messages.
LEVELS: dict[str, int] = {"trace": 5, "debug": REST, "info": 0, "warn": 4, "error": 1, "fatal": 6}


def of_levels(names: Sequence[str]) -> dict[str, int]:
    """The hues of levels, in whatever case; words that are none take those that are left."""
    known = {name: LEVELS[name.lower()] for name in names if name.lower() in LEVELS}
    free = [hue for hue in range(MOST) if hue not in LEVELS.values()]
    others = sorted(name for name in names if name not in known)
    return known | {name: free[place] if place < len(free) else REST for place, name in enumerate(others)}


def of_sources(keys: Sequence[int]) -> dict[int, int]:
    """The hues of sources, by their keys: those that came one after the other differ."""
    return _apart([*sorted(keys[:MOST]), *keys[MOST:]], lambda key: key % MOST)


def of_names(names: Sequence[str]) -> dict[str, int]:
    """The hues of any other names."""
    known = [*sorted(names[:MOST]), *names[MOST:]]
    return _apart(known, lambda name: crc32(name.encode("utf-8", "surrogatepass")) % MOST)


def _apart(names: Sequence[K], usual: Callable[[K], int]) -> dict[K, int]:
    """Each its usual hue, or the next that is free; the rest of more than MOST are grey.

    The first MOST come in an order of their own, so that it does not matter which of them is largest today.
    One that steps aside takes no other's usual hue.
    """
    found: dict[K, int] = {}
    for name in names[:MOST]:
        if usual(name) not in found.values():
            found[name] = usual(name)
    free = [hue for hue in range(MOST) if hue not in found.values()]
    for name in names[:MOST]:
        if name not in found:
            found[name] = min(free, key=lambda hue: (hue - usual(name)) % MOST)
            free.remove(found[name])
    return found | dict.fromkeys(names[MOST:], REST)
