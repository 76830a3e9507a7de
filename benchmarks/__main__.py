"""`make bench`: each benchmark prints a small table; ARGS chooses which, and sizes it."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import stack

stack.environment()

import django  # noqa: E402  (after the environment is set)

django.setup()

from benchmarks import (  # noqa: E402  (after the environment is set)
    anonymous,
    cpu,
    databases,
    drain,
    enriching,
    exporting,
    fairness,
    fill,
    filters,
    ingest,
    lists,
    memory,
    pages,
    profile,
    report_pages,
    rollups,
    sessions,
    sql,
)

Options = argparse.Namespace


def _single(options: Options, _: stack.Servers) -> None:
    with stack.processes("web"):
        rounds = ingest.single(options.rounds, options.seconds or 4)
    ingest.report("One event a request, acknowledged/s", rounds)


def _batch(options: Options, _: stack.Servers) -> None:
    with stack.processes("web", "workers", "beat"):
        rounds = ingest.batch(options.rounds, options.events or 120_000)
    ingest.report("Batch ingest end to end, events/s", rounds)


def _cpu(options: Options, servers: stack.Servers) -> None:
    cpu.measure(options.rounds, options.events or 100_000, servers)


def _memory(options: Options, _: stack.Servers) -> None:
    memory.measure(options.seconds or 60)


def _drain(options: Options, _: stack.Servers) -> None:
    drain.measure(options.rounds, options.events or 60_000, options.stored)


def _fairness(options: Options, servers: stack.Servers) -> None:
    fairness.measure(options.rounds, options.events or 60_000, servers)


def _enrich(options: Options, _: stack.Servers) -> None:
    rounds = enriching.rounds(options.rounds, options.events or 20_000)
    ingest.report("Drain with all enrichment on, events/s", rounds)


def _sessions(options: Options, _: stack.Servers) -> None:
    sessions.measure(200_000, options.events or 1_000_000)


def _rollups(options: Options, _: stack.Servers) -> None:
    rollups.measure(options.rounds, options.events or 100_000)


def _pages(options: Options, _: stack.Servers) -> None:
    pages.measure(options.database, options.stored, pages.lists)


def _reports(options: Options, _: stack.Servers) -> None:
    pages.measure(options.database, options.stored, report_pages.paths, report_pages.derive)


def _sql(options: Options, _: stack.Servers) -> None:
    sql.measure(options.database, options.stored)


def _export(options: Options, servers: stack.Servers) -> None:
    exporting.measure(options.rounds, options.events or 200_000, servers)


def _filters(options: Options, _: stack.Servers) -> None:
    filters.measure(options.database, options.stored)


def _lists(options: Options, _: stack.Servers) -> None:
    lists.measure(options.database, options.stored)


def _anonymous(*_: Any) -> None:
    anonymous.measure()


def _profile(options: Options, _: stack.Servers) -> None:
    profile.measure(options.seconds or 20)


def _fill(options: Options, _: stack.Servers) -> None:
    fill.fill(options.database, options.events or 1_000_000)


COMMANDS: dict[str, tuple[str, Callable[[Options, stack.Servers], None]]] = {
    "single": ("requests of one event, beside a view that does nothing", _single),
    "batch": ("batches, beside raw COPY and the plain way", _batch),
    "cpu": ("CPU seconds of 10,000 events, by part", _cpu),
    "memory": ("peak memory of web and worker under the largest requests, for --seconds", _memory),
    "drain": ("drain rate beside --stored events and beside 100,000 (fills both)", _drain),
    "fairness": ("an event beside another owner's flood, and all-unique beside ordinary events", _fairness),
    "enrich": ("drain rate with all enrichment on beside none", _enrich),
    "sessions": ("summing sessions up, and a hundred events more beside --events", _sessions),
    "rollups": ("what touching costs the drain, and how fast rollups are folded", _rollups),
    "pages": ("pages of the admin and the API beside --stored events and beside 100,000", _pages),
    "reports": ("report pages beside --stored events and beside 100,000", _reports),
    "sql": ("the queries of docs/how-to/query-with-sql.md, as a reader, beside --stored events", _sql),
    "export": ("exports of --events events as NDJSON and Parquet, beside COPY of the same rows", _export),
    "filters": ("filters of the API that are documented as indexed, beside --stored events", _filters),
    "lists": ("lists as views over jsonb beside a child table, with --stored events", _lists),
    "anonymous": ("health checks and what else anybody can ask for, one by one", _anonymous),
    "profile": ("where the time goes, for --seconds, into var/bench/profile", _profile),
    "fill": ("a database of --events events with all their derived rows, kept", _fill),
}
DEFAULT = ("single", "batch", "cpu", "memory")


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        prog="make bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:<10}{what}" for name, (what, _) in COMMANDS.items()),
    )
    parser.add_argument(
        "what", nargs="*", choices=[*COMMANDS, []], help=f"what to do; by default {' '.join(DEFAULT)}"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, help="events of a round of batches, or of the database to fill")
    parser.add_argument("--seconds", type=float, help="length of a round of single events, or of a load")
    parser.add_argument("--stored", type=int, default=20_000_000, help="events of the large database")
    parser.add_argument("--database", default=databases.LARGE, help="the large database: it is kept")
    options = parser.parse_args()
    with stack.servers() as servers:
        for name in options.what or DEFAULT:
            COMMANDS[name][1](options, servers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
