"""Drain rate with much stored against little stored: the same backlog, two kept databases, turn by turn."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from benchmarks import bodies, databases, fill, ingest, stack, templates
from events.identity import first_id, week_of
from events.ownership import provisioning
from events.ownership.api_key import ApiKey
from events.ownership.owner import Organization, Owner
from events.ownership.source import Source
from events.partitioned.partitions import WEEK, make_partitions, partition_name
from events.store.pending import TouchedSession
from events.store.usage import UsageHour, WarningHour
from ingestion.dialects.decoding import Payload
from ingestion.receiving import inbox
from ingestion.receiving.inbox import Arrival

SMALL_EVENTS = 100_000
PROCESSES = 2  # as many as the Procfile gives to filing
SLUG = "bench-drain"
TO_REACH = 0.9
_LATEST = timedelta(hours=2)  # the backlog's events occurred within this

Drainers = list[subprocess.Popen[str]]


def measure(rounds: int, events: int, stored: int) -> None:
    """Print the rates at which a backlog of `events` is filed beside few and beside `stored` events."""
    sizes = {
        databases.SMALL: fill.fill(databases.SMALL, SMALL_EVENTS),
        databases.LARGE: fill.fill(databases.LARGE, stored),
    }
    began = timezone.now()
    rates: dict[str, list[float]] = {name: [] for name in sizes}
    with ExitStack() as running:
        drainers = {name: running.enter_context(_drainers(name)) for name in sizes}
        for name in sizes:
            running.callback(_forget, name, began)
            _rate(name, drainers[name], events // 10, seed=0)  # to be warm
        for number in range(rounds):
            # Neither is always the first.
            for name in list(sizes)[:: 1 if number % 2 else -1]:
                rates[name].append(_rate(name, drainers[name], events, seed=number + 1))
    _report(rates, sizes)


def _report(rates: dict[str, list[float]], sizes: dict[str, int]) -> None:
    small, large = rates[databases.SMALL], rates[databases.LARGE]
    ratios = [beside_much / beside_little for beside_much, beside_little in zip(large, small, strict=True)]
    print(
        f"\nDrain rate, events/s, with {sizes[databases.LARGE]:,} stored against"
        f" {sizes[databases.SMALL]:,}: {statistics.median(ratios):.2f} (to reach: {TO_REACH})"
    )
    for beside_much, beside_little, ratio in zip(large, small, ratios, strict=True):
        print(f"  {beside_much:>10,.0f}  {beside_little:>10,.0f}  {ratio:.2f}")


@contextmanager
def _drainers(database: str) -> Iterator[Drainers]:
    """Processes that file what waits in a database, once they are told to."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.drainer"],
            cwd=stack.ROOT,
            env={**stack.environment(), "DATABASE_URL": databases.url(database)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.communicate(timeout=60)  # closes its input, which ends it


def _rate(database: str, drainers: Drainers, events: int, seed: int) -> float:
    """Events a second, from the word to drain until nothing waits."""
    with databases.using(database):
        _put(events, seed)
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")  # the pages of the last round are not this one's to write
    began = time.perf_counter()
    for process in drainers:
        assert process.stdin is not None
        process.stdin.write("drain\n")
        process.stdin.flush()
    for process in drainers:
        assert process.stdout is not None
        assert process.stdout.readline() == "filed\n"
    return events / (time.perf_counter() - began)


def _put(events: int, seed: int) -> None:
    """A backlog in the inbox, as the web process leaves it."""
    now = timezone.now()
    make_partitions({week_of(now), week_of(now - _LATEST)})
    key = provisioning.key(organization_slug=SLUG, owner_name="Drain").key
    for body in bodies.batches(events // ingest.BATCH, ingest.BATCH, seed=seed + int(time.time())):
        inbox.put(
            Arrival(
                Payload("sunbird", "json", body, now, strict=False, context={}),
                key.default_owner_id,
                key.pk,
                ingest.BATCH,
            )
        )


def _forget(database: str, began: datetime) -> None:
    """Remove what was filed, so that the kept database is as it was."""
    since = began - _LATEST
    weeks = {week_of(since), week_of(timezone.now())}
    first, last = first_id(since), first_id(max(weeks) + WEEK)
    with databases.using(database):
        databases.unhurried()
        owners = list(Owner.objects.filter(organization__slug=SLUG).values_list("pk", flat=True))
        envelope, *kinds = templates.tables()
        with connection.cursor() as cursor:
            for table in kinds:
                cursor.execute(
                    f"DELETE FROM {table} row USING {envelope} event"
                    " WHERE event.id = row.id AND event.owner_id = ANY(%s)"
                    " AND event.id BETWEEN %s AND %s AND row.id BETWEEN %s AND %s",
                    [owners, first, last, first, last],
                )
            cursor.execute(
                f"DELETE FROM {envelope} WHERE owner_id = ANY(%s) AND id BETWEEN %s AND %s",
                [owners, first, last],
            )
        for model in (UsageHour, WarningHour, TouchedSession):
            model._default_manager.filter(owner_id__in=owners).delete()
        Source.objects.filter(organization__slug=SLUG).delete()
        ApiKey.objects.filter(organization__slug=SLUG).delete()
        Owner.objects.filter(pk__in=owners).delete()
        Organization.objects.filter(slug=SLUG).delete()
        with connection.cursor() as cursor:
            for table in templates.tables():
                for week in weeks:
                    cursor.execute(f"VACUUM (ANALYZE) {partition_name(table, week)}")
