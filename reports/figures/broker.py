"""Broker: if it answers, how many tasks are queued, and which workers it reaches.

A broker may be down, or accept a connection and never answer. On a busy machine, it and the workers may
answer slowly. So a thread queries it, and the page waits at most WITHIN seconds, then shows the previous
answer. Only a broker that hasn't answered for ANSWERS seconds counts as silent, however briefly the page
waits.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import Any

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

log = logging.getLogger(__name__)
WITHIN = 0.45  # seconds that a page waits
ANSWERS = 5.0  # seconds that each answer may take until the broker counts as silent
WORKERS = 3.0  # seconds that workers have to answer; those that are known are waited for no longer
FRESH = 60.0  # seconds for which a page shows what was known before


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that answered."""

    name: str
    processes: int
    tasks: int  # done since it started
    uptime: int | None  # seconds


@dataclass(frozen=True, slots=True)
class Broker:
    """The state of the broker, as far as it is known."""

    fault: str = ""  # an error as a sentence; empty if it answers
    version: str = ""
    memory: int | None = None  # bytes
    memory_most: int | None = None  # bytes; None: no bound
    waiting: int | None = None  # tasks of all lanes that no worker has taken
    workers: tuple[Worker, ...] | None = None  # None: not known
    age: float = 0.0  # seconds since it was queried, for a previous answer
    is_known: bool = True  # True if it has been queried at all


ABSENT = "The broker can't be reached."
SILENT = f"The broker didn't respond within {ANSWERS:.0f} seconds."
NOT_YET = Broker(is_known=False)


class _Look:
    """A query of a broker.

    Each process runs only one at a time, so that a silent broker can't pile up threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: tuple[str, Broker, float] | None = None

    def at(self, url: str) -> Broker:
        """Return what a broker answers within WITHIN seconds, or else the previous answer."""
        began = time.monotonic()
        if self._lock.acquire(timeout=WITHIN):
            thread = Thread(target=self._run, args=(url,), name="look-at-broker", daemon=True)
            thread.start()
            thread.join(max(0.0, WITHIN - (time.monotonic() - began)))
        return self._known(url, began)

    def _run(self, url: str) -> None:
        try:
            ask(url, lambda found: self._note(url, found))
        finally:
            self._lock.release()

    def _note(self, url: str, found: Broker) -> None:
        last, now = self._last, time.monotonic()
        is_recent = last is not None and last[0] == url and now - last[2] < FRESH
        if last and is_recent and found.workers is None and not found.fault:
            found = replace(found, workers=last[1].workers)  # until they have answered again
        self._last = url, found, now

    def _known(self, url: str, began: float) -> Broker:
        if self._last is None or self._last[0] != url:
            return NOT_YET
        _, found, at = self._last
        if at >= began:
            return found
        age = time.monotonic() - at
        return replace(found, age=age) if age < FRESH else NOT_YET


broker = _Look().at


def ask(url: str, note: Callable[[Broker], None]) -> None:
    """Store the broker's answer, then those of its workers."""
    try:
        found, known = _server(url) if _is_redis(url) else (Broker(), None)
        if _is_redis(url):
            note(found)
        workers = _workers(url, known)
    except (RedisError, OperationalError, OSError) as error:
        log.info("The broker can't be asked: %r", error)
        is_silent = any(isinstance(each, (NoAnswer, TimeoutError)) for each in (error, error.__cause__))
        note(Broker(SILENT if is_silent else ABSENT))
    else:
        note(replace(found, workers=workers))


# Kombu's set of the workers that listen. Killed workers stay in it.
_WORKERS = "_kombu.binding.celery.pidbox"


def _is_redis(url: str) -> bool:
    return url.startswith(("redis", "unix"))


def _server(url: str) -> tuple[Broker, int | None]:
    """Return the state of Valkey or Redis, and the number of workers it knows, or None if it knows none."""
    client = Redis.from_url(
        url.replace("redis+socket://", "unix://"),
        socket_timeout=ANSWERS,
        socket_connect_timeout=ANSWERS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        said: Any = client.info()
        with client.pipeline(transaction=False) as pipe:
            for lane in settings.LANES:
                pipe.llen(lane)
            pipe.scard(_WORKERS)
            *waiting, known = pipe.execute()
    finally:
        client.close()
    found = Broker(
        version=str(said.get("valkey_version") or said.get("redis_version", "")),
        memory=said.get("used_memory"),
        memory_most=said.get("maxmemory") or None,
        waiting=sum(waiting),
    )
    return found, known or None


def _workers(url: str, known: int | None) -> tuple[Worker, ...]:
    """Return the workers that answer in time, queried by an application without tasks.

    Stop waiting once as many workers have answered as the broker knows.
    """
    app = Celery("look", broker=url, set_as_current=False)
    app.conf.update(
        broker_connection_retry=False,
        broker_connection_timeout=ANSWERS,
        broker_transport_options={
            "socket_timeout": ANSWERS,
            "socket_connect_timeout": ANSWERS,
            "max_retries": 0,
        },
    )
    try:
        answers = app.control.inspect(timeout=WORKERS, limit=known).stats() or {}
    finally:
        app.close()
    return tuple(
        Worker(
            name,
            int(said.get("pool", {}).get("max-concurrency", 0)),
            sum(said.get("total", {}).values()),
            said.get("uptime"),
        )
        for name, said in sorted(answers.items())
    )
