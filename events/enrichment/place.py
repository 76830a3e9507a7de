"""Places: the location of a sender, from the City database, from the event itself, and as a geohash.

The view looks up the address in the database, and the address is not passed on. Source of its columns:
MaxMind's documentation of the City databases. What a client declares takes precedence.

The file is memory-mapped, and opened again when it changes. To replace it, rename another file over it, as
`geoipupdate` does: if it is overwritten in place, it changes under the processes that have it mapped.

A geohash is a text whose first characters give a rough location. Source: the public geohash scheme (G.
Niemeyer, 2008): longitude and latitude are halved in turn, and five bits make a character of base 32. Nine
characters locate a point to about five metres.
"""

import logging
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from threading import Lock

import maxminddb
from django.conf import settings
from maxminddb.types import Record, RecordDict

from events.enrichment.facts import Facts
from events.wire.columns import Columns
from events.wire.schema import Taken

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0  # between checks of the file

OK, OFF, UNREADABLE = "ok", "off: GEOIP_DATABASE is not set", "unreadable: GEOIP_DATABASE"
_Signature = tuple[str, int, int, int]  # path, inode, size, time of change


class _State:
    """The state of the database in this process."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.look_at = 0.0  # monotonic time of the next check of the file
        self.signature: _Signature | None = None
        self.reader: maxminddb.Reader | None = None


_state = _State()


def record_of(address: IPv4Address | IPv6Address) -> Record | None:
    """Return the record of an address; None if there is none, or no database."""
    reader = _reader()
    if reader is None:
        return None
    try:
        return reader.get(address)
    except ValueError:
        return None  # an address of IPv6 in a database of IPv4 only
    except maxminddb.InvalidDatabaseError as error:
        log.warning("GEOIP_DATABASE is damaged", exc_info=error)
        return None


def status() -> str:
    """Return the state of the database in a word or two."""
    if not settings.GEOIP_DATABASE:
        return OFF
    return OK if _reader() else UNREADABLE


def reset() -> None:
    """Close the database, for tests."""
    global _state  # noqa: PLW0603
    _state = _State()


def _reader() -> maxminddb.Reader | None:
    now = time.monotonic()
    if now < _state.look_at:
        return _state.reader
    with _state.lock:
        if now >= _state.look_at:
            _look()
            _state.look_at = now + LOOK_SECONDS
    return _state.reader


def _look() -> None:
    """Open the file if it was replaced. The old one stays open while a thread reads it."""
    path = settings.GEOIP_DATABASE
    signature = _signature(path) if path else None
    if signature == _state.signature:
        return
    _state.signature = signature
    if signature is None:
        _state.reader = None
        return
    try:
        _state.reader = maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        # Logged once per file. The open database is used further.
        log.warning("GEOIP_DATABASE can't be read", exc_info=error)


def _signature(path: str) -> _Signature | None:
    try:
        found = Path(path).stat()
    except OSError as error:
        if _state.signature is not None or _state.look_at == 0.0:
            log.warning("GEOIP_DATABASE can't be read", exc_info=error)
        return None
    return path, found.st_ino, found.st_size, found.st_mtime_ns


ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
PRECISION = 9


def geohash(latitude: float, longitude: float, precision: int = PRECISION) -> str | None:
    """Return the geohash of a point in degrees; None for an impossible point."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    spans = ([-180.0, 180.0, longitude], [-90.0, 90.0, latitude])
    cell = 0
    for bit in range(5 * precision):
        span = spans[bit % 2]
        middle = (span[0] + span[1]) / 2
        above = span[2] >= middle
        span[0 if above else 1] = middle
        cell = cell << 1 | above
    return "".join(ALPHABET[cell >> shift & 31] for shift in range(5 * (precision - 1), -1, -5))


def add_geohash(taken: Taken, facts: Facts) -> None:
    """Fill the column if the event itself has a location. The request's location already has its geohash."""
    envelope = taken.envelope
    latitude, longitude = envelope.get("latitude"), envelope.get("longitude")
    if latitude is None or longitude is None:
        envelope.pop("geohash", None)
    elif (latitude, longitude) != (facts.columns.get("latitude"), facts.columns.get("longitude")):
        envelope["geohash"] = geohash(latitude, longitude)


LANGUAGE = "en"
# From coarse to fine: if a declared value differs from the database, finer ones aren't looked up.
LEVELS = ("country", "timezone", "region", "dma", "locality")
POINT = ("latitude", "longitude")
_DECLARED = frozenset((*LEVELS, *POINT, "edge"))


def _name(found: object) -> str | None:
    """Return the name of a part of a record in our language."""
    names = found.get("names") if isinstance(found, dict) else None
    return _text(names.get(LANGUAGE)) if isinstance(names, dict) else None


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def _number(found: object) -> float | None:
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _part(record: RecordDict, name: str) -> RecordDict:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _region(record: RecordDict) -> str | None:
    """Return the largest subdivision of the country: they go from large to small."""
    found = record.get("subdivisions")
    return _name(found[0]) if isinstance(found, list) and found else None


# The columns and their paths in a record. Any of them may be missing in a database.
READERS: Mapping[str, Callable[[RecordDict], object]] = {
    "country": lambda record: _text(_part(record, "country").get("iso_code")),
    "region": _region,
    "locality": lambda record: _name(record.get("city")),
    "latitude": lambda record: _number(_part(record, "location").get("latitude")),
    "longitude": lambda record: _number(_part(record, "location").get("longitude")),
    "timezone": lambda record: _text(_part(record, "location").get("time_zone")),
    "dma": lambda record: _number(_part(record, "location").get("metro_code")),
}


def place_columns(record: Record | None) -> Columns:
    """Return the columns that a database's record fills."""
    if not isinstance(record, dict):
        return {}
    found = {name: read(record) for name, read in READERS.items()}
    return {name: value for name, value in found.items() if value is not None}


def declare(taken: Taken, _: Facts) -> None:
    """Replace what was looked up with what a Buildless event says about its location."""
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
        # proto3 omits zeros.
        envelope.update({name: kind.get(name) or 0.0 for name in POINT})
    elif elsewhere:
        for name in POINT:
            envelope.pop(name, None)
    if edge := kind.get("edge"):
        envelope["edge"] = edge
