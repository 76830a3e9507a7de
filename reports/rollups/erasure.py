"""Erasure in rollups: rebuilds at once the rollups that include an erased actor's events.

Rollups that outlived their events can't be rebuilt. The actor, and sessions and devices of nobody else, are
taken out of their sets, and texts that name the actor are redacted. Their counts stay: they identify nobody.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import md5

from django.db import connection, transaction
from psycopg.sql import Composable

from events.lib.sql import Parameters, compose, identifier
from events.ownership.erased import Erased, forgets
from events.ownership.source import Source
from events.sessions.session import Session
from events.store import retention
from events.store.pending import TouchedQuarter
from reports.rollups import folding, queue, statements
from reports.rollups.columns import Key, Words
from reports.rollups.models import RestingQuarter
from reports.rollups.rollup import Grain, Rollup, rollups
from reports.rollups.statements import start_of

SECONDS = 120.0


@forgets("rollup_cells")
def forget(erased: Erased, _: datetime) -> int:
    """Rebuild the quarters that the erasure changed. After two minutes, leave the rest to the worker."""
    RestingQuarter.objects.filter(owner=erased.owner).delete()
    waiting = TouchedQuarter.objects.filter(owner=erased.owner)
    until = time.monotonic() + SECONDS
    folded = 0
    while waiting.exists() and time.monotonic() < until:
        folded += folding.tick(seconds=until - time.monotonic())
        if waiting.exists():
            time.sleep(0.2)  # a worker is aggregating the rest
    return folded


@forgets("kept_rollup_rows")
def forget_kept(erased: Erased, _: datetime) -> int:
    """Remove the actor from rollups that outlived their events, and return the number of changed rows."""
    sealed = retention.sealed_until()
    if sealed is None:
        return 0
    hashes = _hashes(erased)
    return sum(_erase(rollup, erased, hashes, sealed) for rollup in rollups() if not rollup.of_sessions)


def _erase(rollup: type[Rollup], erased: Erased, hashes: Sequence[int], sealed: datetime) -> int:
    """Change the quarter rows, and aggregate hours and days from them again."""
    with transaction.atomic():
        folding.without_limits()
        changed = _without_members(rollup, erased, hashes, sealed) if rollup.set_column() else []
        for column in rollup.columns():
            if isinstance(column, (Key, Words)):
                changed += _redacted(rollup, str(column.column), erased, sealed)
        days = sorted({start_of(bucket, Grain.DAY) for bucket in changed})
        if days:
            queue.hold_days(erased.owner.pk, days)
            _fold_again(rollup, erased.owner.pk, days)
    return len(changed)


def _fold_again(rollup: type[Rollup], owner: int, days: Iterable[datetime]) -> None:
    spans = statements.parameters(statements.spans([(owner, day) for day in days], Grain.DAY))
    with connection.cursor() as cursor:
        for grain in (Grain.HOUR, Grain.DAY):
            cursor.execute(statements.removal(rollup, grain), spans)
            cursor.execute(statements.merging(rollup, grain), spans)


def _without_members(
    rollup: type[Rollup], erased: Erased, hashes: Sequence[int], sealed: datetime
) -> list[datetime]:
    asked: Parameters = {"owner": erased.owner.pk, "sealed": sealed, "hashes": list(hashes)}
    table = identifier(rollup._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            compose(
                "UPDATE {table} SET members = coalesce(("
                "  SELECT array_agg(member ORDER BY member) FROM unnest(members) AS member"
                "  WHERE member <> ALL(%(hashes)s::bigint[])), '{{}}')"
                " WHERE {sealed} AND members && %(hashes)s::bigint[] RETURNING bucket",
                table=table,
                sealed=_SEALED,
            ),
            asked,
        )
        changed = [bucket for (bucket,) in cursor.fetchall()]
        cursor.execute(
            compose(
                "DELETE FROM {table} WHERE {sealed} AND members = '{{}}'",
                table=table,
                sealed=_SEALED,
            ),
            asked,
        )
    return changed


def _redacted(rollup: type[Rollup], column: str, erased: Erased, sealed: datetime) -> list[datetime]:
    asked: Parameters = {"owner": erased.owner.pk, "sealed": sealed}
    parts: dict[str, str | Composable] = {
        "table": identifier(rollup._meta.db_table),
        "column": identifier(column),
        "sealed": _SEALED,
    }
    with connection.cursor() as cursor:
        cursor.execute(compose("SELECT DISTINCT {column} FROM {table} WHERE {sealed}", **parts), asked)
        named = {text: erased.redact(text) for (text,) in cursor.fetchall() if text and erased.is_in(text)}
        if not named:
            return []
        cursor.execute(
            compose(
                "UPDATE {table} made SET {column} = redacted.new"
                " FROM unnest(%(old)s::text[], %(new)s::text[]) AS redacted (old, new)"
                " WHERE {sealed} AND made.{column} = redacted.old RETURNING bucket",
                **parts,
            ),
            {**asked, "old": list(named), "new": list(named.values())},
        )
        return [bucket for (bucket,) in cursor.fetchall()]


_SEALED = f"owner_id = %(owner)s AND grain = {int(Grain.QUARTER)} AND bucket < %(sealed)s"


def _hashes(erased: Erased) -> list[int]:
    """Return hashes in sets of the actor, and of sessions and devices that only the actor has."""
    members = {*erased.names, *erased.own}
    sources = Source.objects.filter(organization_id=erased.owner.organization_id).values_list("pk", flat=True)
    sessions = Session.objects.filter(owner=erased.owner).order_by()
    channels = {"", *(channel or "" for channel in sessions.values_list("channel", flat=True).distinct())}
    for source in sources:
        for own in erased.own:
            members.add(f"{source} {own}")
            members |= {f"{source} device {own} {channel}" for channel in channels}
    return sorted(map(_hash, members))


def _hash(member: str) -> int:
    """Return the hash of a member as `Members` makes it."""
    return int.from_bytes(
        md5(member.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()[:8], signed=True
    )
