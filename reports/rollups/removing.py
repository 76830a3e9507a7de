"""Removing: rollups that outlived their events go once they are older than reports are kept."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction

from events.ownership.owner import Owner
from reports.rollups.rollup import Grain, Rollup, rollups


def remove_before(until: datetime) -> int:
    """Remove the rows of all grains from before a week; returns how many."""
    return sum(_remove(rollup, owner, until) for owner in _owners() for rollup in rollups())


def _owners() -> Iterator[int]:
    yield from Owner.objects.order_by("pk").values_list("pk", flat=True)


def _remove(rollup: type[Rollup], owner: int, until: datetime) -> int:
    """By the index, which begins with the owner and the grain; a transaction each."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            f'DELETE FROM "{rollup._meta.db_table}" WHERE owner_id = %s AND grain = ANY(%s) AND bucket < %s',  # noqa: S608
            [owner, [int(grain) for grain in Grain], until],
        )
        return int(cursor.rowcount)
