"""Time-hash: sortable text bound to the time of occurrence.

Source: the public `timehash` scheme: alphabet of eight characters, three bits each, binary search over the
seconds from 1970 to 2098. Ten characters place an event to about two seconds.
"""

from events.enrichment.facts import Facts
from events.identity import milliseconds
from events.wire.schema import Taken

ALPHABET = "01abcdef"
PRECISION = 10
SPAN_SECONDS = 4_039_372_800
_LETTERS = str.maketrans("01234567", ALPHABET)
_CELLS = 8**PRECISION


def time_hash(ms: int) -> str:
    """Return the time-hash of milliseconds since 1970. Times beyond the scheme's span get its last cell."""
    cell = min(max(ms * _CELLS // (SPAN_SECONDS * 1000), 0), _CELLS - 1)
    return f"{cell:0{PRECISION}o}".translate(_LETTERS)


def add(taken: Taken, _: Facts) -> None:
    """Fill the column from the time of occurrence."""
    taken.envelope["time_hash"] = time_hash(milliseconds(taken.envelope["occurred_at"]))
