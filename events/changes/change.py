"""Changes: one row per transaction and owner, with the ids of what was written, and later its position.

A transaction adds its rows without a position, so writers never wait for each other. `number` gives positions
to committed rows, one caller at a time, each call above all before. So whoever has read up to a position has
seen everything below it, however long a writer takes to commit, and transactions that have nothing to do with
the feed (a backup, a forgotten session) delay nothing. A position is about the time at which it was given, in
microseconds: a database restored from a backup goes on above the positions given out since the backup.
"""

import struct
from collections.abc import Collection, Iterable, Mapping

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models.functions import Now

from events.ownership.owner import Owner

NUMBERED_AT_ONCE = 5_000


class What(models.IntegerChoices):
    """The type of rows that the ids of a change belong to."""

    EVENTS = 1, "events"
    REJECTED = 2, "rejected"  # the numbers of rejected events, as UUIDs
    SESSIONS = 3, "sessions"
    MONTHS = 4, "months"  # closed, each of one owner; numbers as UUIDs


class Change(models.Model):
    """One row per transaction and owner: events filed or rejected, sessions summarised, a month closed."""

    what = models.SmallIntegerField(
        choices=What, help_text="1 events, 2 rejected events, 3 sessions, 4 closed months."
    )
    owner = models.ForeignKey(
        Owner, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    ids = ArrayField(
        models.UUIDField(), help_text="What was written; numbers of rejected events and months as UUIDs."
    )
    count = models.IntegerField(help_text="How many ids it has.")
    written_at = models.DateTimeField(db_default=Now(), help_text="When its transaction began.")
    position = models.BigIntegerField(
        null=True,
        help_text="Place in the feed, given after the commit: microseconds since 1970, each used once.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["position"],
                condition=models.Q(position__isnull=False),
                name="change_position",
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(position__isnull=True), name="change_unnumbered"),
            models.Index(
                fields=["what", "position"],
                condition=models.Q(position__isnull=False),
                name="change_what",
            ),
            models.Index(
                fields=["owner", "what", "position"],
                condition=models.Q(position__isnull=False),
                name="change_owner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count:,} {What(self.what).label}"


# Each statement of the function has its own snapshot, so after the lock it sees what the last holder did. As
# one call it ends even if its caller is stopped. Rows that somebody else holds are numbered later.
FUNCTION = """
CREATE FUNCTION events_number_changes(most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    numbered int;
BEGIN
    PERFORM pg_advisory_xact_lock(7480255003);
    SELECT greatest(max(position), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
        INTO last FROM events_change;
    UPDATE events_change change SET position = last + waiting.place FROM (
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM (
            SELECT id FROM events_change WHERE position IS NULL ORDER BY id LIMIT most FOR UPDATE SKIP LOCKED
        ) AS free
    ) AS waiting WHERE change.id = waiting.id;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    RETURN numbered;
END $$;
-- Ids are too random to compress, and looked at whole.
ALTER TABLE events_change ALTER COLUMN ids SET STORAGE EXTERNAL;
"""
# In PostgreSQL's binary format: reading 4,000 ids as text takes it 14 ms, and these 0.3.
_ADD = "COPY events_change (what, owner_id, ids, count) FROM STDIN (FORMAT BINARY)"
_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_ROW = struct.Struct(">hihiqi")  # 4 columns, what, owner, size of the array
_ARRAY = struct.Struct(">iiIii")  # 1 dimension, no nulls, type, length, first index
_UUID = 2950  # type
_SIZE = struct.pack(">i", 16)
_COUNT = struct.Struct(">ii")
_END = b"\xff\xff"


def add(what: What, ids: Mapping[int, Collection[int]]) -> None:
    """Add the ids of what this transaction has written, by owner; ids are numbers."""
    if not ids:
        return
    rows = [_row(what, owner, numbers) for owner, numbers in ids.items()]
    with connection.cursor() as cursor, cursor.copy(_ADD) as copy:
        copy.write(b"".join([_HEADER, *rows, _END]))


def _row(what: What, owner: int, numbers: Collection[int]) -> bytes:
    count = len(numbers)
    body = b"".join([_SIZE + number.to_bytes(16) for number in numbers])
    head = _ROW.pack(4, 2, what.value, 8, owner, _ARRAY.size + len(body))
    return head + _ARRAY.pack(1, 0, _UUID, count, 1) + body + _COUNT.pack(4, count)


def add_pairs(what: What, pairs: Iterable[tuple[int, int]]) -> None:
    """Add pairs of an owner and an id."""
    ids: dict[int, list[int]] = {}
    for owner, number in pairs:
        ids.setdefault(owner, []).append(number)
    add(what, ids)


def number() -> int:
    """Give positions to the committed changes that have none, as many as one call handles."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM events_change WHERE position IS NULL LIMIT 1")
        if not cursor.rowcount:
            return 0
        cursor.execute("SELECT events_number_changes(%s)", [NUMBERED_AT_ONCE])
        numbered: int = cursor.fetchone()[0]
        return numbered


def number_all() -> int:
    """Give positions to all committed changes; return how many had none."""
    total = 0
    while numbered := number():
        total += numbered
    return total
