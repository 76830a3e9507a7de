"""What all tests share: caches emptied, people and teams to test with."""

from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.template import Template
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings

from events.lib import buckets
from events.ownership import provisioning, senders
from events.ownership.api_key import KeyType
from ingestion.filing import schedule
from ingestion.receiving import admission
from reports.rollups import folding
from telemetry_project.web import health
from tests.sending import MakeSender, Sender
from tests.serving import Server, serving

# No test depends on the speed of the machine. A function's fixtures may serve all its examples.
settings.register_profile(
    "tally", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("fast", settings.get_profile("tally"), max_examples=20)


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples Hypothesis tries."""
    settings.load_profile("fast" if config.option.fast else "tally")


RENDER = vars(Template)["_render"]  # before pytest-django has it replaced

# Folders whose tests install, start programs, or start servers of their own.
SLOW = ("browser", "clients", "faults", "http", "install", "stack")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--fast`, keep the tests that need no server."""
    if config.option.fast:
        slow = {item for item in items if _is_slow(item)}
        config.hook.pytest_deselected(items=[item for item in items if item in slow])
        items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates in reports of failures: pytest-xdist can't send them and would end the run."""
    report = yield
    report.sections = [(name, _escaped(text)) for name, text in report.sections]
    if report.longrepr is not None and _escaped(report.longreprtext) != report.longreprtext:
        report.longrepr = _escaped(report.longreprtext)
    return report


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _is_slow(item: pytest.Item) -> bool:
    marked = any(item.get_closest_marker(name) for name in ("django_db", "slow"))
    return (
        marked
        or item.path.parent.name in SLOW
        or not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    )


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    """Hash passwords in the usual way, but a million times faster: nobody attacks the tests' database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


@pytest.fixture(autouse=True, scope="session")
def _quarters_are_not_deferred() -> Iterator[None]:
    """Fold a quarter again at once, however long a slow machine took to fold it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "SHORT", timedelta(hours=1))
        yield


@pytest.fixture(autouse=True, scope="session")
def _uncopied_contexts(django_test_environment: None) -> Iterator[None]:
    """Render as outside of tests: for the test client, Django copies the context of every template."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", RENDER)
        yield


# Filled tables and partitions of models. Django's own lists hold the same rows after every migration.
_FILLED = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND pg_relation_size(oid) > 0
AND coalesce(pg_partition_root(oid), oid)::regclass::text = ANY(%s)
AND relname NOT IN ('django_content_type', 'auth_permission')
"""


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """Truncate only tables that a test has filled: truncating all partitions took half a second a test."""

    def truncate_filled(_: Any, tables: list[str], **__: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(_FILLED, [tables])
            filled = ", ".join(name for (name,) in cursor.fetchall())
        return [f"TRUNCATE {filled} CASCADE"] if filled else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            DatabaseOperations, "sql_flush", lambda _, *given, **options: truncate_filled(*given, **options)
        )
        yield


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Nothing that one test's process remembers reaches the next."""
    yield
    senders.forget()
    admission.forget()
    schedule.forget()
    buckets.reset()
    health.forget()


# Tables larger than this, in bytes, are swept. An ordinary test leaves some kilobytes.
_LITTERED = 2**21


@pytest.fixture(autouse=True, scope="module")
def _sweep(django_db_blocker: Any) -> Iterator[None]:
    """Rows that were rolled back stay in their tables, where every later scan steps over them.

    The tests' server has no autovacuum, which would change plans in mid-test.
    """
    yield
    database = connection.settings_dict
    if not database["NAME"].startswith("test_"):
        return  # no test has used the database yet
    with django_db_blocker.unblock():
        parameters = connection.get_connection_params()
    names = {name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters}
    with psycopg.connect(**names, autocommit=True) as direct:
        littered = direct.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > %s",
            [_LITTERED],
        ).fetchall()
        for (table,) in littered:
            # FULL, for the indexes: what they had grown to would still tell on the plans of later tests.
            direct.execute(f"VACUUM FULL {table}")


@pytest.fixture(scope="session")
def production(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The production server on the tests' database, started once: a start costs seconds."""
    call_command("collectstatic", interactive=False, verbosity=0)
    with serving(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


SetClock = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Stops Django's clock at a moment, for what reads it itself: views, forms, commands."""

    def stop(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return stop


@pytest.fixture
def make_sender(db: None, client: Client) -> MakeSender:
    """A sender with a key of its own; arguments as of `provisioning.key`."""

    def make(owner: str = "YourTeam", **options: Any) -> Sender:
        options.setdefault("organization_slug", "acme")
        made = provisioning.key(owner_name=owner, **options)
        return Sender(made.key, made.text, client)

    return make


@pytest.fixture
def sender(make_sender: MakeSender) -> Sender:
    """A sender whose secret key may write for every owner of its organization."""
    return make_sender(owners="all", kind=KeyType.SECRET)
