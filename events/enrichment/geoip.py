"""The City database: memory-mapped, opened anew when its file changes.

Replace the file by renaming another over it, as `geoipupdate` does: one that is written over in place changes
under the processes that have it mapped.
"""

import logging
import time
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from threading import Lock
from typing import Any

import maxminddb
from django.conf import settings

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0  # how often the file is looked at

OK, OFF, UNREADABLE = "ok", "off: GEOIP_DATABASE is not set", "unreadable: GEOIP_DATABASE"
_Signature = tuple[str, int, int, int]  # path, inode, size, time of change


class _State:
    """What a process knows of the database."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.look_at = 0.0  # monotonic: when the file is looked at next
        self.signature: _Signature | None = None
        self.reader: maxminddb.Reader | None = None


_state = _State()


def record_of(address: IPv4Address | IPv6Address) -> Any:
    """What the database has of an address; None for nothing, or no database."""
    reader = _reader()
    if reader is None:
        return None
    try:
        return reader.get(address)
    except ValueError:
        return None  # an address of IPv6 in a database of IPv4 only
    except maxminddb.InvalidDatabaseError as error:
        log.warning("The GEOIP_DATABASE is damaged", exc_info=error)
        return None


def status() -> str:
    """How the database is, in a word or two."""
    if not settings.GEOIP_DATABASE:
        return OFF
    return OK if _reader() else UNREADABLE


def forget() -> None:
    """Let go of the database, for tests."""
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
    """Open the file if it is another than the one that is open. The old one lives while a thread reads it."""
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
        # Told once for each file; what was open serves on.
        log.warning("The GEOIP_DATABASE can't be read", exc_info=error)


def _signature(path: str) -> _Signature | None:
    try:
        found = Path(path).stat()
    except OSError as error:
        if _state.signature is not None or _state.look_at == 0.0:
            log.warning("The GEOIP_DATABASE can't be read", exc_info=error)
        return None
    return path, found.st_ino, found.st_size, found.st_mtime_ns
