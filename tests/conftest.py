"""Fixtures for all tests: senders, the production server, caches emptied between tests."""

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

# No deadlines: tests don't depend on the machine's speed. All examples of a test may share its fixtures.
settings.register_profile(
    "tally", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("fast", settings.get_profile("tally"), max_examples=20)


def pytest_configure(config: pytest.Config) -> None:
    """Set the number of examples that Hypothesis tries."""
    settings.load_profile("fast" if config.option.fast else "tally")


RENDER = vars(Template)["_render"]  # before pytest-django replaces it

# Folders whose tests install packages or start programs and servers of their own.
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
    """Hash passwords with a single iteration: nobody attacks the tests' database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


@pytest.fixture(autouse=True, scope="session")
def _quarters_are_not_deferred() -> Iterator[None]:
    """Never defer a quarter, even if a slow machine took long to fold it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "SHORT", timedelta(hours=1))
        yield


@pytest.fixture(autouse=True, scope="session")
def _uncopied_contexts(django_test_environment: None) -> Iterator[None]:
    """Render as in production: for the test client, Django would copy the context of every template."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", RENDER)
        yield


# Tables and partitions of models that have rows. Content types and permissions never change between tests.
_FILLED = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND pg_relation_size(oid) > 0
AND coalesce(pg_partition_root(oid), oid)::regclass::text = ANY(%s)
AND relname NOT IN ('django_content_type', 'auth_permission')
"""


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """Truncate only tables with rows: truncating all partitions took half a second per test."""

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
    """Empty the process's caches after each test."""
    yield
    senders.forget()
    admission.forget()
    schedule.forget()
    buckets.reset()
    health.forget()


# Tables larger than this many bytes are vacuumed. An ordinary test leaves a few kilobytes.
_LITTERED = 2**21


@pytest.fixture(autouse=True, scope="module")
def _sweep(django_db_blocker: Any) -> Iterator[None]:
    """Vacuum tables that a module bloated: rolled-back rows stay in them and slow every later scan.

    The tests' server has no autovacuum, which would change plans in the middle of a test.
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
            # FULL shrinks the indexes too: their size would affect the plans of later tests.
            direct.execute(f"VACUUM FULL {table}")


@pytest.fixture(scope="session")
def production(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The production server on the tests' database, started once because a start takes seconds."""
    call_command("collectstatic", interactive=False, verbosity=0)
    with serving(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


SetClock = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """A function that stops Django's clock, for views, forms and commands that read it themselves."""

    def stop(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return stop


@pytest.fixture
def make_sender(db: None, client: Client) -> MakeSender:
    """A function that creates a sender with a new key. It takes the arguments of `provisioning.key`."""

    def make(owner: str = "YourTeam", **options: Any) -> Sender:
        options.setdefault("organization_slug", "acme")
        made = provisioning.key(owner_name=owner, **options)
        return Sender(made.key, made.text, client)

    return make


@pytest.fixture
def sender(make_sender: MakeSender) -> Sender:
    """A sender whose secret key may write for every owner of its organization."""
    return make_sender(owners="all", kind=KeyType.SECRET)
