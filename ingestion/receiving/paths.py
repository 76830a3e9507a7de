"""Ingest paths as senders write them: extra slashes are ignored, near misses are told the right path.

Clients join host and path as text, so a slash too many is common.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

_SLASHES = re.compile("/{2,}")
# First segments of ingest paths and of their near misses, and the last ones wherever they are mounted.
_INGEST = re.compile(
    r"/(?:v\d+|data|api/data|content|action|ms|telemetry)(?:/|$)|.*/(?:telemetry$|event:)",
    re.IGNORECASE | re.DOTALL,
)
_AVAILITY = "/availity"
_PING = ":ping"  # takes no events
_COMPARED = 100  # characters: comparing costs their square


def bare(path: str) -> str:
    """Return a path without doubled and trailing slashes."""
    return _SLASHES.sub("/", path).rstrip("/")


def is_ingest(path: str) -> bool:
    """True if a path without extra slashes is meant for an ingest endpoint."""
    return _INGEST.match(path) is not None


def nearest(path: str, known: Iterable[str]) -> str:
    """Return the endpoint that a wrong path probably means: of its format, the one that it ends with, or else
    resembles most.
    """
    wrong = path[:_COMPARED].lower()
    is_availity = wrong.startswith("/ms/") or _AVAILITY in wrong
    known = [right for right in known if is_availity == (_AVAILITY in right) and not right.endswith(_PING)]

    def likeness(right: str) -> tuple[int, float]:
        ends = len(right) if wrong.endswith(right) else 0
        return ends, SequenceMatcher(None, wrong, right, autojunk=False).ratio()

    return max(known, key=likeness)
