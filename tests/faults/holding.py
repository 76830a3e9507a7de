"""What holds statements up: locks and triggers of the test's own session, and waiting until they do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.faults.registry import Scene
from tests.faults.stack import eventually

PATIENCE_SECONDS = 60  # a command takes long to start on a busy machine


@contextmanager
def locked(scene: Scene, table: str, mode: str) -> Iterator["psycopg.Connection[Any]"]:
    """A table locked for the time of the block, by the session it gives."""
    with patient(scene) as session, session.transaction():
        session.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        yield session


@contextmanager
def patient(scene: Scene) -> Iterator["psycopg.Connection[Any]"]:
    """A session that waits for its locks."""
    with scene.stack.session() as session:
        session.execute(f"SET lock_timeout = '{PATIENCE_SECONDS}s'".encode())
        yield session


@contextmanager
def triggered(scene: Scene, statement: str, *tables: str) -> Iterator[None]:
    """Each statement that writes to a table runs another first, for the time of the block."""
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
    """Until processes of Tally wait with such a statement for a lock, so many at the same moment."""
    question = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name <> 'faults' AND wait_event_type = 'Lock'"
        " AND ltrim(query, E' \\n') LIKE %s AND application_name LIKE %s"
    )

    def there() -> bool:
        # What the session sees of the activity stays as it was within its transaction, unless it is told.
        session.execute("SELECT pg_stat_clear_snapshot()")
        found = session.execute(question.encode(), [beginning + "%", application]).fetchone()
        return found is not None and found[0] >= number

    eventually(there, PATIENCE_SECONDS, f"{number} of {application} that wait in {beginning}")
