"""Broker: whether it answers, what waits in it, which workers it reaches.

A broker may be absent, or accept a connection and never answer. So it is asked beside the page, by a thread
that is left alone after WITHIN seconds: its own time-outs end it.
"""

import logging
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
WITHIN = 0.45  # seconds that a page waits for it
ANSWERS = 0.15  # seconds that each of its answers may take
WORKERS = 0.2  # seconds that workers have to answer


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that answered."""

    name: str
    processes: int
    tasks: int  # done since it started
    uptime: int | None  # seconds


@dataclass(frozen=True, slots=True)
class Broker:
    """What is known of the broker."""

    fault: str = ""  # a sentence; empty where it answers
    version: str = ""
    memory: int | None = None  # bytes
    memory_most: int | None = None  # bytes; None: no bound
    waiting: int | None = None  # tasks of all lanes that no worker has taken
    workers: tuple[Worker, ...] = ()


ABSENT = "The broker can't be reached."
SILENT = f"The broker doesn't answer within {WITHIN} seconds."


class _Look:
    """One look at a broker; never two at once from one process, so that silent ones gather no threads."""

    def __init__(self) -> None:
        self._lock = Lock()

    def at(self, url: str) -> Broker:
        found: list[Broker] = []

        def run() -> None:
            try:
                found.append(ask(url))
            finally:
                self._lock.release()

        if not self._lock.acquire(timeout=WITHIN):
            return Broker(SILENT)
        thread = Thread(target=run, name="look-at-broker", daemon=True)
        thread.start()
        thread.join(WITHIN)
        return found[0] if found else Broker(SILENT)


broker = _Look().at


def ask(url: str) -> Broker:
    """What a broker and its workers say; its own time-outs hold for each answer, not for all of them."""
    try:
        found = _server(url) if _is_redis(url) else {}
        workers = _workers(url)
    except (RedisError, OperationalError, OSError) as error:
        log.info("The broker can't be asked: %r", error)
        return Broker(ABSENT)
    return Broker(**found, workers=workers)


def _is_redis(url: str) -> bool:
    return url.startswith(("redis", "unix"))


def _server(url: str) -> dict[str, Any]:
    """What Valkey or Redis says of itself."""
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
            waiting = sum(pipe.execute())
    finally:
        client.close()
    return {
        "version": str(said.get("valkey_version") or said.get("redis_version", "")),
        "memory": said.get("used_memory"),
        "memory_most": said.get("maxmemory") or None,
        "waiting": waiting,
    }


def _workers(url: str) -> tuple[Worker, ...]:
    """The workers that answer in time, asked by an application that knows no tasks and waits for nobody."""
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
        answers = app.control.inspect(timeout=WORKERS).stats() or {}
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
