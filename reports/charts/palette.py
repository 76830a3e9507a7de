"""Palette: the colour of each kind, source or other name, the same on all pages and for everybody.

There are seven hues, and grey for the rest. People with any kind of colour blindness can distinguish them in
both themes (tests/reports/test_palette.py). reports.css defines them as --tally-hue-0 to --tally-hue-7; here
they are numbers.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar
from zlib import crc32

K = TypeVar("K", str, int)

REST = 7  # grey, for all others together
MOST = 7  # names in one chart that get a hue

# Kinds that often appear together have different hues: the common ones, those of learning, those of services.
# If two share a hue, the later one gets another.
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
    """Return the hues of event kinds."""
    order = {name: place for place, name in enumerate(KINDS)}
    known = sorted(names[:MOST], key=lambda name: (order.get(name, len(order)), name))
    return _apart([*known, *names[MOST:]], lambda name: KINDS.get(name, crc32(name.encode()) % MOST))


# From harmless to severe, for logs and messages.
LEVELS: dict[str, int] = {"trace": 5, "debug": REST, "info": 0, "warn": 4, "error": 1, "fatal": 6}


def of_levels(names: Sequence[str]) -> dict[str, int]:
    """Return the hues of levels, ignoring case. Unknown levels get the remaining hues."""
    known = {name: LEVELS[name.lower()] for name in names if name.lower() in LEVELS}
    free = [hue for hue in range(MOST) if hue not in LEVELS.values()]
    others = sorted(name for name in names if name not in known)
    return known | {name: free[place] if place < len(free) else REST for place, name in enumerate(others)}


def of_sources(keys: Sequence[int]) -> dict[int, int]:
    """Return the hues of sources, by key. Sources created one after the other get different hues."""
    return _apart([*sorted(keys[:MOST]), *keys[MOST:]], lambda key: key % MOST)


def of_names(names: Sequence[str]) -> dict[str, int]:
    """Return the hues of any other names."""
    known = [*sorted(names[:MOST]), *names[MOST:]]
    return _apart(known, lambda name: crc32(name.encode("utf-8", "surrogatepass")) % MOST)


def _apart(names: Sequence[K], usual: Callable[[K], int]) -> dict[K, int]:
    """Return each name's usual hue, or the next free one. Beyond the first MOST names, all are grey.

    The first MOST names are sorted here, so that the colours don't depend on which one is largest today. A
    name that must change its hue never takes the usual hue of another.
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
