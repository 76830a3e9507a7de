"""Clock skew: how far the sender's clock was ahead of ours when it sent, in milliseconds.

Source: the `ets` of a V3 batch, the time of sending by the device. The way to the server is in it, so a good
clock shows a little less than zero. `occurred_at` stays the sender's.
"""

from datetime import datetime
from typing import Any

from events.identity import milliseconds
from events.wire.columns import LATEST_MS, MISMATCH, Inexact, take_number


def skew_ms(sent: Any, received_at: datetime) -> int | None:
    """Return the skew for a wire value of milliseconds since 1970; None if it is no time."""
    number = take_number(sent)
    if type(number) is Inexact:
        number = number.stored
    if number is MISMATCH or not 0 < number <= LATEST_MS:
        return None
    return int(number) - milliseconds(received_at)
