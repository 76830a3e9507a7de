"""Exports of all events of a database, beside a COPY of the same rows to the client."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from benchmarks import databases, fill, procfs, stack
from events.event import Event
from events.kinds import KINDS
from events.ownership import provisioning
from events.partitioned.partitions import make_partitions, weeks_ahead

ORDINARY, BIG = "bench_export", "bench_export_big"
BIG_EVENTS = 20_000  # of about 7 KB each
FORMS = ("ndjson", "parquet")
TO_REACH_SECONDS, TO_REACH_MB = 60, 200  # of a million events


class _Taken(NamedTuple):
    rows: int
    bytes: int
    seconds: float
    cpu: float  # of the process
    server: float  # CPU of the database
    peak: float


def measure(rounds: int, events: int, servers: stack.Servers) -> None:
    """Print what exports take per million events, ordinary and big ones, and what COPY takes."""
    fill.fill(ORDINARY, events)
    _fill_big()
    for database, title in ((ORDINARY, "Ordinary events"), (BIG, "Big events")):
        print(f"\n{title}, per million events (to reach: {TO_REACH_SECONDS} s and {TO_REACH_MB} MB)")
        heads = (("events", 10), ("KB each", 9), ("events/s", 10), ("s", 8), ("CPU s", 8), ("database", 10))
        print(" " * 10 + "".join(f"{head:>{width}}" for head, width in heads) + f"{'MB peak':>9}")
        for _ in range(rounds):
            _print("COPY", _measured(servers, database, _copied))
            for form in FORMS:
                _print(form, _measured(servers, database, partial(_exported, form=form)))


def _print(name: str, taken: _Taken) -> None:
    per = 1_000_000 / taken.rows
    print(
        f"{name:<10}{taken.rows:>10,}{taken.bytes / taken.rows / 1000:>9.2f}"
        f"{taken.rows / taken.seconds:>10,.0f}{taken.seconds * per:>8.1f}{taken.cpu * per:>8.1f}"
        f"{taken.server * per:>10.1f}{taken.peak:>9.0f}",
        flush=True,
    )


def _measured(servers: stack.Servers, database: str, make: Callable[[str], _Taken]) -> _Taken:
    before = procfs.cpu_seconds(servers.postgres)
    taken = make(database)
    # Backends that have ended are in the account of their parent.
    return taken._replace(server=procfs.cpu_seconds(servers.postgres) - before)


def _exported(database: str, form: str) -> _Taken:
    with TemporaryDirectory() as folder:
        environment = stack.environment() | {
            "DATABASE_URL": databases.url(database),
            "EXPORT_FOLDER": folder,
            "EXPORT_MAX_BYTES": str(1 << 40),
        }
        printed = subprocess.run(
            [sys.executable, "-m", "benchmarks.exporter", form],
            cwd=stack.ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    found = json.loads(printed.stdout)
    return _Taken(**found, server=0)


def _copied(database: str) -> _Taken:
    """Read all columns of all events as COPY writes them, kind by kind."""
    rows = size = 0
    began, cpu = time.perf_counter(), time.process_time()
    with databases.using(database):
        connection.ensure_connection()
        for entry in KINDS.values():
            table = entry.model._meta.db_table
            with (
                connection.connection.cursor() as cursor,
                cursor.copy(
                    f"COPY (SELECT * FROM {Event._meta.db_table} JOIN {table} USING (id)) TO STDOUT"
                ) as copy,
            ):
                for data in copy:
                    rows += 1
                    size += len(data)
    return _Taken(rows, size, time.perf_counter() - began, time.process_time() - cpu, 0, 0)


def _fill_big() -> None:
    """Import events with long lists and unknown keys, once."""
    databases.make(BIG)
    with databases.using(BIG), TemporaryDirectory() as folder:
        if Event.objects.exists():
            return
        make_partitions(weeks_ahead(timezone.now()))
        provisioning.owner(provisioning.organization("bench"), "Big")
        path = Path(folder) / "big.ndjson"
        rng, now_ms = random.Random(1), int(time.time() * 1000)
        with path.open("w") as file:
            for number in range(BIG_EVENTS):
                file.write(json.dumps(_big(rng, now_ms - number)) + "\n")
        call_command("import_events", str(path), owner="Big", verbosity=0)


def _big(rng: random.Random, ms: int) -> dict[str, object]:
    links = (f"/content/do_{rng.getrandbits(64):x}" for _ in range(80))
    context = {"channel": "bench", "env": "player", "pdata": {"id": "portal", "ver": "1.0"}}
    return {
        "eid": "LOG",
        "ver": "3.1",
        "ets": ms,
        "mid": f"LOG:{rng.getrandbits(96):024x}",
        "actor": {"id": f"user-{rng.randrange(1000)}", "type": "User"},
        "context": context | {"sid": f"s{ms // 60_000}"},
        "edata": {
            "type": "api_call",
            "level": "INFO",
            "message": "x" * 500,
            "params": [{"step": n, "took": rng.random(), "url": link} for n, link in enumerate(links)],
            "trace": [f"frame {rng.getrandbits(48):x} \u2028 ä" for _ in range(60)],
        },
    }
