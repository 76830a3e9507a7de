"""Session ids, computed from session keys.

The key of a session is (owner, source, session id). Without a session id, it is (owner, source, device,
channel), and its sessions are split by inactivity. The id of a session is a hash of its key and, if split, of
its first event, so it is known without a query. Only the immutable names of owner and source enter the hash.
"""

from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from events.store.copying import array
from events.store.pending import SessionKey

_VERSION = 8 << 76
_VARIANT = 2 << 62
_NEITHER = (1 << 128) - 1 ^ 0xF << 76 ^ 0x3 << 62


class Names:
    """The immutable names of owners and sources, from which session ids are computed."""

    def __init__(self, owners: dict[int, UUID], sources: dict[int, str]) -> None:
        self.owners = owners
        self.sources = sources

    @classmethod
    def of(cls, keys: Iterable[SessionKey]) -> "Names":
        """Load the names that keys refer to, with two queries."""
        owners, sources = set(), set()
        for key in keys:
            owners.add(key.owner_id)
            sources.add(key.source_id)
        return cls(_values(_KEYS, owners), _values(_NAMES, sources))

    def has(self, key: SessionKey) -> bool:
        """True if owner and source of a key still exist."""
        return key.owner_id in self.owners and key.source_id in self.sources

    def session(self, key: SessionKey, first: UUID) -> UUID:
        """Return the id of the session that begins with an event."""
        return session_id(
            self.owners[key.owner_id],
            self.sources[key.source_id],
            key,
            None if key.session is not None else first,
        )

    def number(self, key: SessionKey) -> UUID:
        """Return the hash of a key; with a session id it is the session's id."""
        return session_id(self.owners[key.owner_id], self.sources[key.source_id], key)


_KEYS = "SELECT id, key FROM events_owner WHERE id = ANY(%s::bigint[])"
_NAMES = "SELECT id, name FROM events_source WHERE id = ANY(%s::bigint[])"


def _values(statement: str, ids: Collection[int]) -> dict[int, Any]:
    """Return a column by id. In SQL, because for a thousand ids Django takes longer than PostgreSQL."""
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(statement, [array(ids)])
        return dict(cursor.fetchall())


def session_id(owner: UUID, source: str, key: SessionKey, first: UUID | None = None) -> UUID:
    """Return the session id of a key, or of a session within it by its `first` event: a UUID of version 8."""
    parts = (source, key.session, key.device, key.channel, first)
    digest = blake2b(msgspec.json.encode(parts), key=owner.bytes, digest_size=16).digest()
    return UUID(int=int.from_bytes(digest) & _NEITHER | _VERSION | _VARIANT)
