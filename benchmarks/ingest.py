"""Batch and single ingest, end to end, beside their references."""

import itertools
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks import bodies, copying, load, stack

BATCH = 100
PATH = "/data/v3/telemetry"


class Round(NamedTuple):
    """One round: the measured rate and the reference's, events or requests a second."""

    measured: float
    reference: float


def _key() -> str:
    from events.ownership import provisioning  # Django is set up by then

    return provisioning.key(organization_slug="bench", owner_name="Bench").text


def _warm_up(key: str) -> None:
    """Touch every worker, so that neither side pays for a cold start."""
    warm = [load.request(PATH, key, body) for body in bodies.batches(40, 5, seed=int(time.time()))]
    load.run(stack.PORT, iter(warm), connections=8)
    load.run(stack.PORT, iter([load.request("/noop", key, b"{}")] * 200), connections=8)


def _wait_until_filed(count: int) -> None:
    from django.db import connection

    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(stored + duplicates + rejected), 0) FROM events_usagehour")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.02)


def batch(rounds: int, events: int) -> list[Round]:
    """Events a second, first byte sent to last event stored, against raw COPY of the same rows."""
    key = _key()
    copying.empty()
    _warm_up(key)
    _wait_until_filed(200)
    results = []
    for number in range(rounds):
        copying.empty()
        requests = [
            load.request(PATH, key, body)
            for body in bodies.batches(events // BATCH, BATCH, seed=number + int(time.time()))
        ]
        began = time.perf_counter()
        sent = load.run(stack.PORT, iter(requests), connections=4)
        assert set(sent.statuses) == {200}, sent.statuses
        _wait_until_filed(events)
        measured = events / (time.perf_counter() - began)
        ready = copying.blocks()
        copying.empty()
        results.append(Round(measured, events / copying.copy_in(ready)))
    return results


def single(rounds: int, seconds: float) -> list[Round]:
    """Acknowledged requests a second with one event each, against a DRF view that does nothing."""
    key = _key()
    _warm_up(key)
    results = []
    for number in range(rounds):
        made: Iterator[bytes] = iter(
            [
                load.request(PATH, key, body)
                for body in bodies.batches(int(seconds * 8_000), 1, seed=number + int(time.time()))
            ]
        )
        measured = load.run(stack.PORT, made, connections=16, seconds=seconds)
        assert set(measured.statuses) == {200}, measured.statuses
        noop = load.run(
            stack.PORT,
            itertools.repeat(load.request("/noop", key, b"{}")),
            connections=16,
            seconds=seconds,
        )
        assert set(noop.statuses) == {200}, noop.statuses
        results.append(Round(measured.rate, noop.rate))
        copying.empty()
    return results


def median_ratio(rounds: list[Round]) -> float:
    """The middle one of the rounds' ratios."""
    return statistics.median(each.measured / each.reference for each in rounds)
