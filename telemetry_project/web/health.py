"""Health: `/livez` says that the process answers, `/readyz` that it can do its work.

Load balancers and Kubernetes check by address, over plain HTTP and often, so both are answered before the
Host is checked and HTTPS is required, and cost next to nothing.
"""

import time
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from events.enrichment import place
from telemetry_project.web.content_policy import HEADER, STRICT

FRESH_SECONDS = 1.0  # for which an answer of /readyz is reused
STALE_SECONDS = 5.0  # for which it is reused while another request renews it
BROKER_SECONDS = 0.5  # timeout of the broker
NOT_STORED = {"Cache-Control": "no-store", HEADER: STRICT}
View = Callable[[HttpRequest], HttpResponse]


class HealthGate:
    """Middleware that answers health checks before any other middleware runs."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.views: dict[str, View] = {"/livez": live, "/readyz": ready}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer health checks, and pass on everything else."""
        view = self.views.get(request.path_info)
        return view(request) if view else self.get_response(request)


class Readiness(NamedTuple):
    """Status and body of an answer, and its time (monotonic seconds)."""

    status: int
    body: dict[str, str]
    at: float


def live(_: HttpRequest) -> HttpResponse:
    """Say that the process answers."""
    return JsonResponse({"status": "ok"}, headers=NOT_STORED)


def ready(_: HttpRequest) -> HttpResponse:
    """Answer 200 if the database answers and is migrated; the broker is reported, not required."""
    found = _remembered.readiness()
    return JsonResponse(found.body, status=found.status, headers=NOT_STORED)


def forget() -> None:
    """Forget the last answer, for tests."""
    _remembered.last = None


class _Remembered:
    """The last answer. One request at a time renews it, and the others don't wait."""

    def __init__(self) -> None:
        self.last: Readiness | None = None
        self._lock = Lock()

    def readiness(self) -> Readiness:
        last, now = self.last, time.monotonic()
        if last and now - last.at < FRESH_SECONDS:
            return last
        is_usable = last is not None and now - last.at < STALE_SECONDS
        if not self._lock.acquire(blocking=not is_usable):
            assert last is not None
            return last
        try:
            # A request that waited for the lock takes the answer of the one before.
            if self.last is None or time.monotonic() - self.last.at >= FRESH_SECONDS:
                self.last = _look()
            return self.last
        finally:
            self._lock.release()


_remembered = _Remembered()


def _look() -> Readiness:
    database = _database()
    is_ready = database == "ok"
    body = {
        "status": "ok" if is_ready else "unavailable",
        "database": database,
        "broker": _broker(),
        "places": place.status(),
    }
    return Readiness(200 if is_ready else 503, body, time.monotonic())


@cache
def migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this release. They are read from the files once, which takes 100 ms."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _database() -> str:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError:
        return "unreachable"
    return "ok" if migrations() <= applied.keys() else "migrations pending"


@cache
def _client() -> "Redis | None":
    url = settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://")
    if not url.startswith(("redis", "unix")):
        return None
    within = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS}
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **within)


def _broker() -> str:
    if (client := _client()) is None:
        return "not checked"
    try:
        client.ping()
    except RedisError:
        client.connection_pool.disconnect()  # a pooled connection may belong to a broker that is gone
        return "unreachable"
    return "ok"
