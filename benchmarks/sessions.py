"""Sessions: rate of the pure function, of the whole job, and what a hundred events more cost beside many."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from benchmarks import copying
from events.identity import event_number, week_of
from events.ownership import provisioning
from events.partitioned.partitions import make_partitions
from events.sessions import claiming
from events.sessions.record import Record
from events.sessions.summarising import summarise_block, summarise_large
from events.sessions.summary import summarise
from events.store import sources

LENGTH = 50  # events of a session
PER_KIND = ("interact", "impression", "interact", "log", "interact")


def measure(events: int, stored: int) -> None:
    """Print the three measurements; `stored` is how many events the hundred are added to."""
    print(f"\nPure function, one core: {_pure(events):,.0f} events/s")
    owner, source = _place()
    copying.empty()
    for size in (50_000, stored):
        _fill(owner, source, size)
        rate = _whole_job(size)
        added = sorted(_add_hundred(owner, source, number, size) for number in range(5))
        print(
            f"{size:>10,} events stored: all summed up at {rate:,.0f} events/s,"
            f" 100 more in {added[2] * 1000:,.1f} ms (median of 5, {added[0] * 1000:,.1f} to"
            f" {added[-1] * 1000:,.1f})"
        )
        copying.empty()


def _pure(count: int) -> float:
    records = list(_records(count))
    began = time.perf_counter()
    summarise(records)
    return count / (time.perf_counter() - began)


def _records(count: int) -> Iterator[Record]:
    details = {"impression": ["page", "view"], "interact": ["TOUCH"], "log": None}
    begin = 1_700_000_000_000
    for number in range(count):
        kind = PER_KIND[number % len(PER_KIND)]
        made = UUID(int=event_number(begin + number * 1000, UUID(int=1), str(number)))
        yield Record(made, kind, "sunbird", details[kind], "home", "u1", "User", "d1", "c1", "1.0", "DE")


def _place() -> tuple[int, int]:
    key = provisioning.key(organization_slug="bench", owner_name="Bench").key
    with transaction.atomic():
        named = sources.SourceName(key.organization_id, key.default_owner_id, "bench.sessions")
        return key.default_owner_id, sources.resolve([named])[named].id


# Rows as filing makes them, so far as summing up reads them.
_FILL = """
WITH made AS (
  INSERT INTO events_event (id, dialect, kind, owner_id, source_id, session, device, channel, actor,
                            actor_type, environment, version, occurred_at, received_at, ingested_at,
                            billed_bytes, wire_bytes)
  SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '8'
          || left(md5(%(seed)s || g::text), 3) || '8' || right(md5(%(seed)s || g::text), 15))::uuid,
         'sunbird', (%(kinds)s::text[])[1 + g %% 5], %(owner)s, %(source)s, %(sid)s || g / %(length)s,
         'd1', 'c1', 'u1', 'User', 'home', '1.0', t, t, t, 1, 1
  FROM (SELECT g, %(begin)s::timestamptz + g / %(length)s * %(step)s::interval
               + g %% %(length)s * interval '7 seconds' AS t
        FROM generate_series(0, %(count)s - 1) g) moments
  RETURNING id, kind),
impressions AS (INSERT INTO events_impression (id, type, pageid)
  SELECT id, 'view', 'page ' || right(id::text, 1) FROM made WHERE kind = 'impression'),
interactions AS (INSERT INTO events_interact (id, type, element_id)
  SELECT id, 'TOUCH', 'b' FROM made WHERE kind = 'interact')
INSERT INTO events_log (id, type, level, message) SELECT id, 'a', 'b', 'c' FROM made WHERE kind = 'log'
"""
_TOUCHED = """
INSERT INTO events_touchedsession (owner_id, source_id, session, since, until)
VALUES (%(owner)s, %(source)s, %(sid)s || '0', %(begin)s, %(begin)s::timestamptz + interval '12 minutes')
"""


def _week() -> datetime:
    return week_of(datetime.now(tz=UTC)) - timedelta(days=7)


def _fill(owner: int, source: int, size: int) -> None:
    """A week of sessions, evenly spread."""
    make_partitions([_week()])
    sessions = size // LENGTH
    step = f"{6 * 24 * 3600 / sessions:.6f} seconds"
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            _FILL,
            {
                "owner": owner,
                "source": source,
                "seed": "fill",
                "sid": "s",
                "begin": _week(),
                "step": step,
                "count": size,
                "length": LENGTH,
                "kinds": list(PER_KIND),
            },
        )


def _whole_job(size: int) -> float:
    began = time.perf_counter()
    for _ in claiming.requeue_all(None):
        pass
    _summarise_due()
    return size / (time.perf_counter() - began)


def _summarise_due() -> None:
    now = datetime.now(tz=UTC)
    while summarise_block(now).keys or summarise_large(now).keys:
        pass


def _add_hundred(owner: int, source: int, number: int, size: int) -> float:
    """Seconds to sum up two sessions that got fifty events more, in the midst of the others."""
    begin = _week() + timedelta(days=1 + number)
    for sid in (f"s{size // LENGTH // 7 * (number + 1)}x", f"new {number} "):
        names: dict[str, Any] = {"owner": owner, "source": source, "sid": sid, "begin": begin}
        with connection.cursor() as cursor:
            cursor.execute(
                _FILL,
                names
                | {"seed": sid, "step": "0", "count": LENGTH, "length": LENGTH, "kinds": list(PER_KIND)},
            )
            cursor.execute(_TOUCHED, names)
    began = time.perf_counter()
    _summarise_due()
    return time.perf_counter() - began
