"""Facts that one request states about all its events, converted to columns once.

The view stores them in the inbox as texts, next to the body, and the drain reads them here. They never
include an address or a key.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from events.wire.columns import Columns, Stored
from events.wire.schema import Taken

# Keys of the stored facts of a request, in addition to columns.
USER_AGENT = "user_agent"
TENANT = "tenant"  # the organization of the key
USER = "user"  # the person of a personal key

# Columns of the envelope among the stored facts of a request, with their parsers.
COLUMNS: Mapping[str, Callable[[str], object]] = {
    "address_hash": str,
    "country": str,
    "region": str,
    "locality": str,
    "latitude": float,
    "longitude": float,
    "timezone": str,
    "dma": int,
    "edge": str,
    "clock_skew_ms": int,
}


class Facts(NamedTuple):
    """The facts known about all events of one request."""

    columns: Mapping[str, Stored]  # of the envelope
    context: Mapping[str, str]  # as kept
    steps: Mapping[str, tuple[Callable[[Taken, "Facts"], None], ...]]  # the steps for events of each kind
    agents: set[str]  # user agents of its events that have been parsed


def kept(context: Mapping[str, str]) -> Columns:
    """Return the columns among the stored facts of a request."""
    return {name: read(context[name]) for name, read in COLUMNS.items() if name in context}
