"""Place: where a sender is, by what a City database has of its address and by what the event says itself.

Source: MaxMind's documentation of the City databases. The database is asked in the view, by the address,
which goes no further; here is what its record means, and that what a client declares wins.
"""

from collections.abc import Callable, Mapping
from typing import Any

from events.enrichment.facts import Facts
from events.wire.schema import Taken

LANGUAGE = "en"
# From coarse to fine: where a declared value differs from the one looked up, nothing finer is looked up.
LEVELS = ("country", "timezone", "region", "dma", "locality")
POINT = ("latitude", "longitude")
_DECLARED = frozenset((*LEVELS, *POINT, "edge"))


def _name(found: Any) -> str | None:
    """The name of a part of a record in our language."""
    names = found.get("names") if isinstance(found, dict) else None
    return _text(names.get(LANGUAGE)) if isinstance(names, dict) else None


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) and found else None


def _number(found: Any) -> Any:
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _part(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _region(record: Mapping[str, Any]) -> str | None:
    """The largest subdivision of the country: they go from large to small."""
    found = record.get("subdivisions")
    return _name(found[0]) if isinstance(found, list) and found else None


# The columns, and where each is in a record; a database may lack any of it.
READERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "country": lambda record: _text(_part(record, "country").get("iso_code")),
    "region": _region,
    "locality": lambda record: _name(record.get("city")),
    "latitude": lambda record: _number(_part(record, "location").get("latitude")),
    "longitude": lambda record: _number(_part(record, "location").get("longitude")),
    "timezone": lambda record: _text(_part(record, "location").get("time_zone")),
    "dma": lambda record: _number(_part(record, "location").get("metro_code")),
}


def columns(record: Any) -> dict[str, Any]:
    """The columns that a database's record fills."""
    if not isinstance(record, dict):
        return {}
    found = {name: read(record) for name, read in READERS.items()}
    return {name: value for name, value in found.items() if value is not None}


def declare(taken: Taken, _: Facts) -> None:
    """Lay what a Buildless event says of its place over what was looked up."""
    kind, envelope = taken.kind, taken.envelope
    if _DECLARED.isdisjoint(kind):
        return
    elsewhere = False
    for level in LEVELS:
        declared = kind.get(level)
        if declared:
            elsewhere = elsewhere or declared != envelope.get(level)
            envelope[level] = declared
        elif elsewhere:
            envelope.pop(level, None)
    if any(kind.get(name) is not None for name in POINT):
        # proto3 leaves a zero out.
        envelope.update({name: kind.get(name) or 0.0 for name in POINT})
    elif elsewhere:
        for name in POINT:
            envelope.pop(name, None)
    if edge := kind.get("edge"):
        envelope["edge"] = edge
