"""Writes a Parquet file from its input, as a process: pyarrow takes memory that workers would keep.

Each message is a length and MessagePack: first the columns (name and type), then batches of rows, each as a
list of values for every column, and last an empty one. Without it, the file is unfinished.
"""

import struct
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import IO, Any

import msgspec
import pyarrow  # type: ignore[import-untyped]
from pyarrow import parquet

LENGTH = struct.Struct(">I")
DECIMALS = 18  # of exact numbers
GROUP_BYTES = 16 * 1024 * 1024  # of a row group in memory

TYPES = {
    "text": pyarrow.string(),
    "texts": pyarrow.list_(pyarrow.string()),
    "time": pyarrow.timestamp("us", tz="UTC"),
    "day": pyarrow.date32(),
    "flag": pyarrow.bool_(),
    "double": pyarrow.float64(),
    "integer": pyarrow.int64(),
    "unsigned": pyarrow.decimal128(20, 0),
    "decimal": pyarrow.decimal128(38, DECIMALS),
}
# Types that MessagePack doesn't have arrive as text.
_READ: dict[str, Callable[[str], object]] = {
    "day": date.fromisoformat,
    "unsigned": Decimal,
    "decimal": Decimal,
}
_decode = msgspec.msgpack.Decoder().decode


def main(path: str) -> int:
    """Write the file. Returns the exit code."""
    columns = _message(sys.stdin.buffer)
    if columns is None:
        return 1
    schema = pyarrow.schema([(name, TYPES[kind]) for name, kind in columns])
    readers = [_READ.get(kind) for _, kind in columns]
    group: list[Any] = []
    size = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while values := _message(sys.stdin.buffer):
            batch = pyarrow.record_batch(
                [
                    pyarrow.array(each if read is None else _read_all(each, read), field.type)
                    for each, read, field in zip(values, readers, schema, strict=True)
                ],
                schema=schema,
            )
            group.append(batch)
            size += batch.nbytes
            if size >= GROUP_BYTES:
                writer.write_table(pyarrow.Table.from_batches(group))
                group, size = [], 0
        if values is None:
            return 1
        if group:
            writer.write_table(pyarrow.Table.from_batches(group))
    return 0


def _message(file: IO[bytes]) -> Any:
    """Return the next message, or None if there is no complete one."""
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    content = file.read(length)
    return _decode(content) if len(content) == length else None


def _read_all(values: list[Any], read: Callable[[str], object]) -> list[object]:
    return [None if value is None else read(value) for value in values]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
