"""Finds all places where Tally stores a text.

Tables, columns, files and keys are discovered, not listed, so that new ones are searched automatically.
"""

import gzip
import json
import zlib
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, quote_plus

import redis
from django.conf import settings
from django.db import connection

# PostgreSQL's files contain its WAL and dead rows; pages and scripts aren't data.
NOT_OURS = {"postgres", "static"}


def traces(names: list[str]) -> dict[str, int]:
    """Return the tables, files and keys that contain any of the names, with the number of rows."""
    forms = sorted({form.casefold().encode() for name in names for form in _forms(name)})
    found: dict[str, int] = {}
    for place, content in (*_rows(), *_files(), *_keys()):
        if any(form in text for text in _decoded(content) for form in forms):
            found[place] = found.get(place, 0) + 1
    return found


def _forms(name: str) -> list[str]:
    escaped = [json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]]
    return [name, *escaped, quote(name, safe=""), quote_plus(name), name.replace("'", "''")]


def _rows() -> Iterator[tuple[str, bytes]]:
    """Yield each row of each table as text, and binary columns as bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text, (SELECT array_agg(attname::text) FROM pg_attribute a"
            " WHERE attrelid = c.oid AND atttypid = 'bytea'::regtype AND attnum > 0 AND NOT attisdropped)"
            " FROM pg_class c WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace"
        )
        tables = cursor.fetchall()
        for table, binary in tables:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
            yield from ((table, text.encode()) for (text,) in cursor.fetchall())
            for column in binary or ():
                cursor.execute(f'SELECT "{column}" FROM {table}')
                yield from ((table, bytes(value)) for (value,) in cursor.fetchall() if value is not None)


def _files() -> Iterator[tuple[str, bytes]]:
    data = Path(settings.DATA)
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data)
        if path.is_file() and name.parts[0] not in NOT_OURS:
            yield str(name.parent), path.read_bytes()
            yield "names of files", str(name).encode()


def _keys() -> Iterator[tuple[str, bytes]]:
    client = redis.Redis(unix_socket_path=str(settings.VALKEY_SOCKET))
    read: dict[bytes, Any] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter():
        content = read[cast(bytes, client.type(key))](key)  # fails for unknown types
        yield "valkey", key + b" " + repr(content).encode()
        for each in content if isinstance(content, list) else ():
            if each.startswith(b"{"):  # a Celery message, whose body is base64
                yield "valkey", b64decode(json.loads(each).get("body", ""))


def _decoded(content: bytes) -> Iterator[bytes]:
    """Yield the texts in bytes: unchanged, inflated, and as the parts of a mail."""
    yield content.lower()
    yield content.decode("utf-8", "replace").casefold().encode()
    for inflate in (gzip.decompress, zlib.decompress):
        try:
            yield inflate(content).lower()
        except (OSError, EOFError, zlib.error):
            continue
    if b"MIME-Version" in content[:4_000]:
        for part in message_from_bytes(content, policy=policy.default).walk():
            yield str(list(part.values())).casefold().encode()
            if not part.is_multipart():
                yield cast(bytes, part.get_payload(decode=True)).lower()
