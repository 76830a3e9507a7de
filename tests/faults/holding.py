"""Blocks statements by locks and triggers of the test's own session, and waits until they are blocked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.faults.registry import Scene
from tests.faults.stack import eventually

PATIENCE_SECONDS = 60  # commands start slowly on a busy machine


@contextmanager
def locked(scene: Scene, table: str, mode: str) -> Iterator["psycopg.Connection[Any]"]:
    """Lock a table during the block, and yield the session that holds the lock."""
    with patient(scene) as session, session.transaction():
        session.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        yield session


@contextmanager
def patient(scene: Scene) -> Iterator["psycopg.Connection[Any]"]:
    """Open a session that waits for its locks."""
    with scene.stack.session() as session:
        session.execute(f"SET lock_timeout = '{PATIENCE_SECONDS}s'".encode())
        yield session


@contextmanager
def triggered(scene: Scene, statement: str, *tables: str) -> Iterator[None]:
    """During the block, run a statement before each write to one of the tables."""
    with patient(scene) as session:
        body = f"BEGIN {statement}; RETURN NULL; END"
        session.execute(f"CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$".encode())
        try:
            for table in tables:
                made = f"CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION fault()"
                session.execute(made.encode())
            yield
        finally:
            session.execute(b"DROP FUNCTION fault CASCADE")


def wait_for_statement(
    session: "psycopg.Connection[Any]", beginning: str, *, application: str = "%", number: int = 1
) -> None:
    """Wait until the given number of Tally's processes wait for a lock with such a statement."""
    question = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name <> 'faults' AND wait_event_type = 'Lock'"
        " AND ltrim(query, E' \\n') LIKE %s AND application_name LIKE %s"
    )

    def there() -> bool:
        # Within a transaction, the view of activity is cached unless it is cleared.
        session.execute("SELECT pg_stat_clear_snapshot()")
        found = session.execute(question.encode(), [beginning + "%", application]).fetchone()
        return found is not None and found[0] >= number

    eventually(there, PATIENCE_SECONDS, f"{number} of {application} that wait in {beginning}")
