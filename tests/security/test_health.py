"""Health checks and the OpenAPI document are public, so they are cheap and reveal nothing private."""

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from events.enrichment import place
from telemetry_project import api
from telemetry_project.web import health

POD = "10.42.8.201:8203"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize("host", [POD, "no host/at all", ""])
def test_health_checks_answer_for_any_host(path: str, host: str, client: Client, db: None) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_checks_work_over_plain_http(path: str, client: Client, db: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path).status_code == 200


def test_livez_runs_no_query(client: Client, db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/livez").json() == {"status": "ok"}
    assert len(queries) == 0


def test_readyz_runs_two_queries_and_caches_the_result(client: Client, db: None) -> None:
    health.migrations()
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/readyz").status_code == 200
    assert len(queries) <= 2
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/readyz").status_code == 200
    assert len(queries) == 0


def test_only_one_of_concurrent_requests_refreshes_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look() -> health.Readiness:
        looked.append(1)
        return health.Readiness(200, {}, time.monotonic())

    monkeypatch.setattr(health, "_look", look)
    with ThreadPoolExecutor(16) as many:
        assert {each.status for each in many.map(lambda _: health._remembered.readiness(), range(64))} == {
            200
        }
    assert len(looked) == 1


def test_readyz_reveals_nothing_private(client: Client, db: None) -> None:
    words = {"ok", "unreachable", "unavailable", "migrations pending", "not checked"}
    words |= {place.OFF, place.OK, place.UNREADABLE}
    assert set(client.get("/readyz").json().values()) <= words


def test_the_document_is_built_once_and_revalidated_by_its_etag(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/api/schema/")
    monkeypatch.setattr(api, "description", lambda: pytest.fail("made again"))
    zipped = client.get("/api/schema/", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(zipped.content) == first.content
    for etag in (first["ETag"], zipped["ETag"]):
        again = client.get("/api/schema/", headers={"If-None-Match": etag, "Accept-Encoding": "gzip"})
        assert (again.status_code, again.content) == (304, b"")


def test_concurrent_first_requests_build_the_document_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class Counting(SchemaGenerator):
        def get_schema(self, *args: Any, **options: Any) -> Any:
            made.append(super().get_schema(*args, **options))  # type: ignore[no-untyped-call]  # the library's
            return made[-1]

    monkeypatch.setattr(api, "SchemaGenerator", Counting)
    for each in (api._description, api._document):
        each.cache_clear()
    gate = Barrier(8)

    def ask(_: int) -> Any:
        gate.wait()
        return api.document()

    with ThreadPoolExecutor(8) as many:
        assert len({id(each) for each in many.map(ask, range(8))}) == 1
    assert len(made) == 1
