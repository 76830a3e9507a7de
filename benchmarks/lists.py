"""Lists of objects as views over jsonb beside child tables: query time, size, and what filing would cost.

The child table has what the view has of 30 days, a row for each value, and is filled from it. See
docs/decisions/154.
"""

import time
from collections.abc import Callable
from statistics import median

from django.db import connection, transaction

from benchmarks import databases, fill
from events.sql.install import install

TIMES = 3
WRITTEN = 20_000  # rows of assessments that are written at a time
CHILD = "bench.assess_resvalue"
# The table has one index, as a child table needs at least: by event, so that it goes with its events.
_MAKE = f"""
DROP TABLE IF EXISTS {CHILD};
CREATE TABLE {CHILD} (id uuid, position int, key text, value text, number numeric);
INSERT INTO {CHILD}
    SELECT event_id, position, key, value, number FROM telemetry.assess_resvalues
    WHERE event_id >= telemetry.id_at(now() - interval '30 days') ORDER BY 1, 2;
CREATE INDEX ON {CHILD} (id);
"""
_VISIBLE = "= ANY (ARRAY(SELECT unnest(telemetry.visible_owners())))"
_QUERIES = {
    "all of 30 days, by key": (
        "SELECT key, count(*), avg(number) FROM {rows} WHERE id >= {since30} GROUP BY key",
        "SELECT key, count(*), avg(number) FROM telemetry.assess_resvalues"
        " WHERE event_id >= {since30} GROUP BY key",
    ),
    "a value, 7 days": (
        "SELECT count(DISTINCT id) FROM {rows} WHERE id >= {since7} AND value = 'twelve'",
        "SELECT count(DISTINCT event_id) FROM telemetry.assess_resvalues"
        " WHERE event_id >= {since7} AND value = 'twelve'",
    ),
}
_SIZES = f"""
SELECT count(*), sum(pg_column_size(resvalues)),
       (SELECT count(*) FROM {CHILD}), pg_total_relation_size('{CHILD}')
FROM events_assess WHERE id >= telemetry.id_at(now() - interval '30 days')
"""


def measure(database: str, stored: int) -> None:
    """Print query times, sizes, and the time that writing takes with and without child rows."""
    fill.fill(database, stored)
    with databases.using(database):
        databases.unhurried()
        install()
        with connection.cursor() as cursor:
            cursor.execute(_MAKE)
            cursor.execute(f"ANALYZE {CHILD}")
        _report_queries()
        _report_sizes()
        _report_writing()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {CHILD}")


def _report_queries() -> None:
    rows = f"{CHILD} JOIN public.events_event e USING (id)"
    print(f"\n{'query of ASSESS resvalues, s':<40}{'child table':>14}{'view':>10}")
    for what, (of_table, of_view) in _QUERIES.items():
        names = {
            "rows": f"(SELECT {CHILD}.* FROM {rows} WHERE e.owner_id {_VISIBLE}) found",
            **{f"since{days}": f"telemetry.id_at(now() - interval '{days} days')" for days in (7, 30)},
        }
        taken = _interleaved([_query(of_table.format(**names)), _query(of_view.format(**names))])
        print(f"{what:<40}{taken[0]:>14.3f}{taken[1]:>10.3f}")


def _report_sizes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SIZES)
        events, in_json, rows, in_table = cursor.fetchone()
    each = [float(size) / events for size in (in_json, in_table)]
    print(f"{events:,} events: {each[0]:.0f} bytes each as jsonb, {each[1]:.0f} as {rows:,} rows")


def _report_writing() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for name, of in (("written", "events_assess"), ("written_child", CHILD)):
            cursor.execute(f"CREATE TEMP TABLE {name}_from ON COMMIT DROP AS SELECT * FROM {of} LIMIT 0")
        cursor.execute(
            f"INSERT INTO written_from SELECT * FROM events_assess ORDER BY id DESC LIMIT {WRITTEN};"
            f" INSERT INTO written_child_from SELECT c.* FROM {CHILD} c JOIN written_from USING (id)"
        )
        cursor.execute("CREATE TABLE bench.written (LIKE events_assess INCLUDING ALL)")
        cursor.execute(f"CREATE TABLE bench.written_child (LIKE {CHILD} INCLUDING ALL)")
        cursor.execute("SELECT count(*) FROM written_from UNION ALL SELECT count(*) FROM written_child_from")
        (events,), (children,) = cursor.fetchall()
        rows = _copied_out("written_from"), _copied_out("written_child_from")
        alone, both = _interleaved([lambda: _write(rows[:1]), lambda: _write(rows)])
        cursor.execute("DROP TABLE bench.written, bench.written_child")
    each = [seconds / events * 1e6 for seconds in (alone, both)]
    print(f"COPY of {events:,} rows: {each[0]:.1f} µs each, with {children:,} child rows {each[1]:.1f} µs")


def _copied_out(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(bytes(block) for block in copy)


def _write(rows: tuple[bytes, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench.written, bench.written_child")
        for table, text in zip(("bench.written", "bench.written_child"), rows, strict=False):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(text)


def _query(statement: str) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.fetchall()

    return run


def _interleaved(functions: list[Callable[[], None]]) -> list[float]:
    """Return the median seconds of each function; they take turns."""
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(TIMES):
        for place, run in enumerate(functions):
            began = time.perf_counter()
            run()
            taken[place].append(time.perf_counter() - began)
    return [median(each) for each in taken]
