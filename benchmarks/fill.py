"""Fill: a database of so many events with all their derived rows, kept between runs, topped up on request.

What is to be written is a plan of slices, kept in the database, so that a fill that was broken off goes on.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from tqdm import tqdm

from benchmarks import copies, databases, derived, templates
from benchmarks.copies import RawEvent

WRITERS = 2
EVENTS_OF_SLICE = 50_000


def fill(database: str, events: int) -> int:
    """Make the database have at least `events` events; returns how many it has."""
    databases.make(database)
    with databases.using(database):
        databases.unhurried()
        began = time.perf_counter()
        templates.prepare(events)
        _plan(events - _planned())
        parts = list(_left())
        if not parts:
            print(f"{database}: {_planned():,} events are there; nothing to do")
            return _planned()
        _write(database, parts)
        for name, derive in derived.ALL.items():
            print(f"{database}: {name} …", file=sys.stderr)
            derive()
        _report(database, time.perf_counter() - began)
        return _planned()


def _planned() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM bench.template) + (SELECT coalesce(sum(events), 0) FROM bench.plan)"
        )
        return int(cursor.fetchone()[0])


def _plan(more: int) -> None:
    """Note what is to be written, where there is anything; its copies follow those of the plan before."""
    if more <= 0:
        return
    slices = max(1, min(more // EVENTS_OF_SLICE, templates.count() // 20))
    last = -(-more // templates.count())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench.plan (copies, events, slices)"
            " SELECT int4range(made + 1, made + %s, '[]'), %s, %s"
            " FROM (SELECT coalesce(max(upper(copies)) - 1, 0) AS made FROM bench.plan) before",
            [last, more, slices],
        )


def _left() -> Iterator[RawEvent]:
    """The slices that are not written yet, oldest events first."""
    count = templates.count()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT plan.id, slice, slices, lower(copies), upper(copies) - 1, events"
            " FROM bench.plan plan CROSS JOIN generate_series(0, slices - 1) slice"
            " WHERE (plan.id, slice) NOT IN (SELECT plan, slice FROM bench.done)"
            " ORDER BY plan.id, slice"
        )
        for plan, number, slices, low, high, events in cursor.fetchall():
            first, last = (count * n // slices for n in (number, number + 1))
            yield RawEvent(plan, number, first, last, (low, high), events, count)


def _write(database: str, parts: list[RawEvent]) -> None:
    about = sum((part.last - part.first) * part.events // part.templates for part in parts)
    with (
        tqdm(total=about, desc=database, unit=" events", unit_scale=True, file=sys.stderr) as bar,
        ThreadPoolExecutor(WRITERS, initializer=databases.unhurried) as pool,
    ):
        for made in pool.map(copies.write, parts):
            bar.update(made)
        # The threads' connections close with them.


def _report(database: str, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(stored), count(DISTINCT owner_id), count(DISTINCT source_id), count(DISTINCT kind),"
            " min(hour)::date, max(hour)::date, pg_size_pretty(pg_database_size(current_database())),"
            " (SELECT count(*) FROM events_touchedsession) FROM events_usagehour WHERE stored > 0"
        )
        events, owners, sources, kinds, first, last, size, sessions = cursor.fetchone()
    print(
        f"{database}: {events:,} events of {owners} owners, {sources} sources, {kinds} kinds,"
        f" {sessions:,} sessions, {first} to {last}; {size}; {seconds:.0f} s"
    )
