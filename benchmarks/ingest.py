"""Batch and single ingest, end to end, beside their references."""

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks import bodies, copying, load, noop, plain, stack

BATCH = 100
PATH = "/data/v3/telemetry"
PLAIN_SHARE = 6  # the plain way gets this part of the events, or most of a run would be its time


class Reference(NamedTuple):
    """What a rate is held against, and the ratio to reach."""

    name: str
    to_reach: float


RAW_COPY = Reference("raw COPY of the same rows", 0.25)
PLAIN = Reference("serializers and bulk_create", 8)
NOOP = Reference("no-op DRF view", 0.45)


class Round(NamedTuple):
    """One round: the measured rate and each reference's, events or requests a second."""

    measured: float
    references: dict[Reference, float]


def ready() -> str:
    """Empty tables, warm processes (if there is a worker, it has filed); returns a key."""
    from events.ownership import provisioning  # Django is set up by then

    key = provisioning.key(organization_slug="bench", owner_name="Bench").text
    copying.empty()
    _warm_up(key)
    return key


def _warm_up(key: str) -> None:
    """Touch every process, so that neither side pays for a cold start."""
    made = list(bodies.batches(40, 5, seed=int(time.time())))
    for path in (PATH, plain.PATH):
        load.run(stack.PORT, iter([load.request(path, key, body) for body in made]), connections=8)
    load.run(stack.PORT, iter([load.request(noop.PATH, key, b"{}")] * 200), connections=8)


def wait_until_filed(count: int, *, every: float = 0.02) -> None:
    """Wait until so many events are counted, looking as often as said (seconds)."""
    from django.db import connection

    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(received), 0) FROM events_usagehour")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(every)


def batch(rounds: int, events: int) -> list[Round]:
    """Events a second, first byte sent to last event stored, against raw COPY and the plain way."""
    key = ready()
    wait_until_filed(200)
    results = []
    for number in range(rounds):
        seed = number + int(time.time())
        copying.empty()
        requests = _requests(PATH, key, events, seed)
        began = time.perf_counter()
        _send(requests)
        wait_until_filed(events)
        measured = events / (time.perf_counter() - began)
        made = copying.blocks()
        copying.empty()
        copied = events / copying.copy_in(made)
        copying.empty()
        results.append(Round(measured, {RAW_COPY: copied, PLAIN: _plain(key, events // PLAIN_SHARE, seed)}))
    return results


def _plain(key: str, events: int, seed: int) -> float:
    from events.event import Event

    requests = _requests(plain.PATH, key, events, seed)
    began = time.perf_counter()
    _send(requests)
    seconds = time.perf_counter() - began
    stored = Event.objects.count()
    assert stored == len(requests) * BATCH, stored
    return stored / seconds


def _requests(path: str, key: str, events: int, seed: int) -> list[bytes]:
    return [load.request(path, key, body) for body in bodies.batches(events // BATCH, BATCH, seed=seed)]


def _send(requests: Sequence[bytes]) -> None:
    sent = load.run(stack.PORT, iter(requests), connections=4)
    assert set(sent.statuses) == {200}, sent.statuses


def single(rounds: int, seconds: float) -> list[Round]:
    """Acknowledged requests a second with one event each, against a DRF view that does nothing."""
    key = ready()
    results = []
    for number in range(rounds):
        made = bodies.batches(int(seconds * 8_000), 1, seed=number + int(time.time()))
        measured = _rate(iter([load.request(PATH, key, body) for body in made]), seconds)
        nothing = _rate(itertools.repeat(load.request(noop.PATH, key, b"{}")), seconds)
        results.append(Round(measured, {NOOP: nothing}))
        copying.empty()
    return results


def _rate(requests: Iterator[bytes], seconds: float) -> float:
    sent = load.run(stack.PORT, requests, connections=16, seconds=seconds)
    assert set(sent.statuses) == {200}, sent.statuses
    return sent.rate


def report(title: str, rounds: Sequence[Round]) -> None:
    """Print the rounds and the median of the ratios, for each reference."""
    for reference in rounds[0].references:
        ratios = [each.measured / each.references[reference] for each in rounds]
        print(
            f"\n{title}, against {reference.name}:"
            f" {statistics.median(ratios):.2f} (to reach: {reference.to_reach})"
        )
        for each, ratio in zip(rounds, ratios, strict=True):
            print(f"  {each.measured:>10,.0f}  {each.references[reference]:>10,.0f}  {ratio:.2f}")
