"""Fairness: single events beside another owner's flood, and all-unique events beside ordinary ones."""

import copy
import json
import random
import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from benchmarks import bodies, copying, ingest, load, procfs, rollups, stack
from events.store.pending import TouchedQuarter, TouchedSession

SINGLES = 5  # events of the other owner during a flood, at least
DELAY_TO_REACH = 5.0  # seconds
CPU_TO_REACH = 2.0  # times ordinary events
FILING = "filing"
# CPU is measured for filing alone, and for everything up to the finished summaries and rollups.
LANES = {FILING: "filing=2", "with summaries and rollups": "filing=2 rollups=2"}


def measure(rounds: int, events: int, servers: stack.Servers) -> None:
    """Print, alternately, the delay beside a flood and the CPU of all-unique beside ordinary events."""
    print(f"\nFairness beside {events:,} events of another owner, all unique")
    print(
        f"{'':8}{'longest delay, s':>20}{'to reach':>10}"
        + "".join(
            f"{f'{what}: unique, CPU s':>28}{'ordinary':>10}{'ratio':>8}{'to reach':>10}" for what in LANES
        )
    )
    delays: list[float] = []
    ratios: dict[str, list[float]] = {what: [] for what in LANES}
    with stack.processes("web", "beat"):
        for number in range(rounds):
            seed = number + int(time.time())
            with stack.processes("workers"):
                key, other = ingest.ready(), _other_key()
                delays.append(_delay(key, other, events, seed))
            print(f"{number + 1:<8}{delays[-1]:>20.2f}{DELAY_TO_REACH:>10.1f}", end="", flush=True)
            for what, lanes in LANES.items():
                costs = {}
                with stack.processes("workers", lanes=lanes) as started:
                    roots = {"workers": started["workers"].pid, "database": servers.postgres}
                    ingest.ready()
                    ingest.wait_until_filed(200)
                    for name in ("unique", "ordinary") if number % 2 else ("ordinary", "unique"):
                        costs[name] = _cpu(
                            roots, key, events, seed, unique=name == "unique", derived=what != FILING
                        )
                ratios[what].append(costs["unique"] / costs["ordinary"])
                print(
                    f"{costs['unique']:>28.1f}{costs['ordinary']:>10.1f}{ratios[what][-1]:>8.2f}"
                    f"{CPU_TO_REACH:>10.1f}",
                    end="",
                    flush=True,
                )
            print()
    print(
        f"{'median':<8}{statistics.median(delays):>20.2f}{'':>10}"
        + "".join(f"{'':>38}{statistics.median(each):>8.2f}{'':>10}" for each in ratios.values())
    )


def _other_key() -> str:
    from events.ownership import provisioning  # Django is set up by then

    return provisioning.key(organization_slug="bench", owner_name="Other").text


def _delay(key: str, other: str, events: int, seed: int) -> float:
    """The longest time from sending a single event to its table, in seconds, while a flood waits."""
    copying.empty()
    flood = threading.Thread(target=_send, args=(key, list(_unique(events, seed))))
    flood.start()
    longest, number = 0.0, 0
    while flood.is_alive() or _waiting() > 1:
        number += 1
        mid = f"single-{seed}-{number}"
        event = bodies.event(random.Random(number), int(time.time() * 1000), number) | {"mid": mid}
        began = time.perf_counter()
        _send(other, [json.dumps({"id": "api", "ver": "3.0", "events": [event]}).encode()])
        while not _is_stored(mid):
            time.sleep(0.02)
        longest = max(longest, time.perf_counter() - began)
    assert number >= SINGLES, "the flood was filed too soon: send more events"
    ingest.wait_until_filed(events + number, every=0.25)
    return longest


def _cpu(roots: dict[str, int], key: str, events: int, seed: int, *, unique: bool, derived: bool) -> float:
    """CPU seconds of workers and database from the first request to the last event filed.

    `derived`: to the last session summarised and the last quarter folded.
    """
    if derived:
        _wait_until_derived()  # or what is left of the events before would be computed on this account
    rollups.empty()
    made = list(
        _unique(events, seed) if unique else bodies.batches(events // ingest.BATCH, ingest.BATCH, seed)
    )
    before = {part: procfs.cpu_seconds(root) for part, root in roots.items()}
    _send(key, made)
    ingest.wait_until_filed(events, every=0.25)
    if derived:
        _wait_until_derived()
    return sum(procfs.cpu_seconds(root) - before[part] for part, root in roots.items())


def _wait_until_derived() -> None:
    """Wait until no session and no quarter of an hour is pending."""
    while TouchedSession.objects.exists() or TouchedQuarter.objects.exists():
        time.sleep(0.25)


def _unique(events: int, seed: int) -> Iterator[bytes]:
    """Bodies whose events have nothing in common: each has its own source, version, session and so on."""
    for number, body in enumerate(bodies.batches(events // ingest.BATCH, ingest.BATCH, seed)):
        batch = json.loads(body)
        for place, event in enumerate(batch["events"]):
            name = f"{seed}-{number}-{place}"
            _apart(event, name)
        yield json.dumps(batch, separators=(",", ":")).encode()


def _apart(event: dict[str, Any], name: str) -> None:
    event["actor"] = {"id": f"user-{name}", "type": "User"}
    event["context"] = copy.deepcopy(event["context"]) | {"sid": f"session-{name}", "did": f"device-{name}"}
    event["context"]["pdata"] = {"id": f"source-{name}", "ver": f"version-{name}", "pid": f"pid-{name}"}
    event["object"] = {"id": f"do-{name}", "type": "Content", "ver": name}
    event["edata"] |= {"pageid": f"page-{name}"} if "pageid" in event["edata"] else {}


def _send(key: str, made: Iterator[bytes] | list[bytes]) -> None:
    requests = [load.request(ingest.PATH, key, body) for body in made]
    sent = load.run(stack.PORT, iter(requests), connections=min(4, len(requests)))
    assert set(sent.statuses) == {200}, sent.statuses


def _is_stored(mid: str) -> bool:
    today = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM events_event WHERE client_event_id = %s AND received_at > %s - interval '1 hour'",
            [mid, today],
        )
        return cursor.fetchone() is not None


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ingestion_inboxrequest")
        found: int = cursor.fetchone()[0]
        return found
