"""Health: `/livez` says that the process answers, `/readyz` that it can do its work."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from events.enrichment import geoip


def live(_: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(_: HttpRequest) -> JsonResponse:
    """200 where the database answers and is migrated; the broker is reported, not required."""
    database = _database()
    is_ready = database == "ok"
    body = {
        "status": "ok" if is_ready else "unavailable",
        "database": database,
        "broker": _broker(),
        "places": geoip.status(),
    }
    return JsonResponse(body, status=200 if is_ready else 503)


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unreachable"
    return "migrations pending" if pending else "ok"


def _broker() -> str:
    url = settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://")
    if not url.startswith(("redis", "unix")):
        return "not checked"
    client = Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))
    try:
        client.ping()
    except RedisError:
        return "unreachable"
    finally:
        client.close()
    return "ok"
