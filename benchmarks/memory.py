"""Memory of web and drain processes under the largest requests there may be, plain and compressed."""

import gzip
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count

from django.conf import settings

from benchmarks import bodies, copying, ingest, load, procfs, stack

CONNECTIONS = 8  # as many as the two web processes have threads
TO_REACH_MB = 200
SAMPLE_SECONDS = 0.25
NUMBER = b"-number-"


def measure(seconds: float) -> None:
    """Print the peak of each process that serves or files."""
    with stack.processes("web", "workers", "beat") as started:
        key = ingest.ready()
        watched = {
            pid: f"{name} {pid}"
            for name in ("web", "workers")
            for pid in procfs.tree(started[name].pid)
            if "resource_tracker" not in procfs.command(pid)
        }
        peaks: dict[int, float] = defaultdict(float)
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(watched, peaks, over))
        watcher.start()
        try:
            sent = load.run(stack.PORT, _requests(key), connections=CONNECTIONS, seconds=seconds)
            assert set(sent.statuses) == {200}, sent.statuses
        finally:
            over.set()
            watcher.join()
        print(
            f"\nPeak memory in MB while {CONNECTIONS} connections send requests of"
            f" {settings.INGEST_MAX_BODY_BYTES >> 20} MiB and {settings.INGEST_MAX_EVENTS:,} events,"
            f" every second one compressed: {sent.requests} in {sent.seconds:.0f} s"
        )
        print(f"{'process':<20}{'resident':>10}{'by share':>10}{'to reach':>10}")
        for pid, name in watched.items():
            print(f"{name:<20}{procfs.resident_peak(pid):>10.0f}{peaks[pid]:>10.0f}{TO_REACH_MB:>10}")
    copying.empty()


def _watch(watched: dict[int, str], peaks: dict[int, float], over: threading.Event) -> None:
    while not over.wait(SAMPLE_SECONDS):
        for pid in watched:
            peaks[pid] = max(peaks[pid], procfs.proportional(pid))


def _requests(key: str) -> Iterator[bytes]:
    """Bodies just under the limit of bytes and at the limit of events, plain and compressed in turn."""
    made = _largest()
    for number in count():
        body = made.replace(NUMBER, b"%08x" % number)
        yield load.request(ingest.PATH, key, body)
        body = made.replace(NUMBER, b"c%07x" % number)
        yield load.request(ingest.PATH, key, gzip.compress(body, 1), "Content-Encoding: gzip\r\n")


def _largest() -> bytes:
    """A body in which every event's id has `NUMBER`, to be replaced: ids are to be new."""
    rng = random.Random(1)
    now_ms = int(time.time() * 1000)
    events = [bodies.event(rng, now_ms, user=1) for _ in range(settings.INGEST_MAX_EVENTS)]
    for event in events:
        event["mid"] = f"{event['eid']}:{NUMBER.decode()}{rng.getrandbits(96):024x}"
    batch = {"id": "api.sunbird.telemetry", "ver": "3.0", "params": {"msgid": "1"}, "events": events}
    # What is left of the limit goes into a tag of each event.
    room = (settings.INGEST_MAX_BODY_BYTES - len(_encoded(batch))) // len(events) - len(',""')
    for event in events:
        event["tags"] = [*event["tags"], f"{rng.getrandbits(4 * room):0{room}x}"]
    return _encoded(batch)


def _encoded(batch: bodies.Wire) -> bytes:
    return json.dumps(batch, separators=(",", ":")).encode()
