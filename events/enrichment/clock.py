"""Clocks: the skew of the sender's clock, and the time-hash of an event.

The skew is how far the sender's clock was ahead of ours when it sent, in milliseconds. Source: the `ets` of a
V3 batch, the time of sending by the device. It includes the time of transmission, so a good clock shows a
little less than zero. `occurred_at` stays the sender's.

A time-hash is sortable text for the time of occurrence. Source: the public `timehash` scheme: an alphabet of
eight characters, three bits each, by binary search over the seconds from 1970 to 2098. Ten characters locate
an event to about two seconds.
"""

from datetime import datetime

from events.enrichment.facts import Facts
from events.identity import milliseconds
from events.wire.columns import LATEST_MS, MISMATCH, Inexact, take_number
from events.wire.schema import Taken


def skew_ms(sent: object, received_at: datetime) -> int | None:
    """Return the skew for a wire value of milliseconds since 1970; None if it is no time."""
    number = take_number(sent)
    if type(number) is Inexact:
        number = number.stored
    if number is MISMATCH or not 0 < number <= LATEST_MS:
        return None
    return int(number) - milliseconds(received_at)


ALPHABET = "01abcdef"
PRECISION = 10
SPAN_SECONDS = 4_039_372_800
_LETTERS = str.maketrans("01234567", ALPHABET)
_CELLS = 8**PRECISION


def time_hash(ms: int) -> str:
    """Return the time-hash of milliseconds since 1970. Times beyond the scheme's span get its last cell."""
    cell = min(max(ms * _CELLS // (SPAN_SECONDS * 1000), 0), _CELLS - 1)
    return f"{cell:0{PRECISION}o}".translate(_LETTERS)


def add_time_hash(taken: Taken, _: Facts) -> None:
    """Fill the column from the time of occurrence."""
    taken.envelope["time_hash"] = time_hash(milliseconds(taken.envelope["occurred_at"]))
