"""Databases of the benchmarks' server: `tally` is emptied at each run, those named `bench_…` are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from telemetry_project.stack import paths

SMALL, LARGE = "bench_small", "bench_large"


def url(name: str) -> str:
    """`DATABASE_URL` of a database, for other processes."""
    folder = paths.postgres_socket_folder(paths.data_folder())
    return f"postgres:///{name}?host={folder}&user=postgres"


@contextmanager
def using(name: str) -> Iterator[None]:
    """All queries of the block, of other threads too, go to this database."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@contextmanager
def served(name: str) -> Iterator[None]:
    """As `using`, with a connection that stays open from block to block.

    Web workers keep theirs too. A new one would read the catalogue again, which would be measured.
    """
    usual = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = _kept(name)
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual


@cache
def _kept(name: str) -> BaseDatabaseWrapper:
    made: BaseDatabaseWrapper = connection.copy()
    made.settings_dict["NAME"] = name
    return made


def make(name: str) -> None:
    """Make the database where it is missing, and migrate it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE DATABASE "{name}"')
    with using(name):
        call_command("migrate", verbosity=0)


def unhurried() -> None:
    """Let the statements of this connection take their time and memory; a crash may take the last of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET statement_timeout = 0; SET lock_timeout = 0; SET synchronous_commit = off;"
            " SET work_mem = '192MB'; SET maintenance_work_mem = '512MB'"
        )
