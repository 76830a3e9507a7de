"""Readers: roles of the database that may read the views of some owners, and nothing else."""

import re
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from events.lib.sql import compose, identifier
from events.sql.view import SCHEMA

NAME = re.compile(r"[a-z][a-z0-9_]{2,62}")
RESERVED = ("pg_", "tally")  # how names of PostgreSQL's roles begin, and that of the embedded database's
SECONDS = 60  # of a statement, by default
MOST_SECONDS = 3_600
CONNECTIONS = 10


class SqlReader(models.Model):
    """A role that reads the views of some owners by SQL."""

    role = models.TextField(unique=True, help_text="Name of the role in the database.")
    owners = ArrayField(models.BigIntegerField(), help_text="Ids of the owners whose rows it sees.")
    seconds = models.IntegerField(default=SECONDS, help_text="Longest time of a statement, in seconds.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "SQL reader"

    def __str__(self) -> str:
        return self.role


def problem_of_name(role: str) -> str:
    """Return why a role can't have this name, as a sentence; empty if it can."""
    if not NAME.fullmatch(role):
        return (
            "A role's name has 3 to 63 lower-case letters, digits and underscores, and begins with a letter."
        )
    if role.startswith(RESERVED):
        return f"A role's name can't begin with {' or '.join(RESERVED)}."
    return ""


def exists(role: str) -> bool:
    """Return True if the database has a role of this name, whoever created it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def create(role: str, password: str, owners: list[int], seconds: int = SECONDS) -> SqlReader:
    """Create a role that may only read, and only rows of these owners.

    Raises `django.db.utils.ProgrammingError` if Tally's own role may not create roles.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        reader: SqlReader = SqlReader.objects.create(role=role, owners=sorted(owners), seconds=seconds)
        for statement in _statements(role, password, seconds):
            cursor.execute(statement)
        grant(cursor, role)
    return reader


def _statements(role: str, password: str, seconds: int) -> list[str]:
    name = identifier(role)
    return [
        compose(
            "CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            " CONNECTION LIMIT {connections} PASSWORD {password}",
            name=name,
            connections=sql.Literal(CONNECTIONS),
            password=sql.Literal(password),
        ),
        # Only members of a role may see, cancel and end its statements, unless they are superusers.
        compose("GRANT {name} TO CURRENT_USER", name=name),
        *(
            compose(
                "ALTER ROLE {name} SET {setting} = {value}",
                name=name,
                setting=identifier(key),
                value=sql.Literal(value),
            )
            for key, value in _settings(seconds).items()
        ),
    ]


def _settings(seconds: int) -> dict[str, str]:
    return {
        "statement_timeout": f"{seconds}s",
        "idle_in_transaction_session_timeout": f"{seconds}s",
        "default_transaction_read_only": "on",
        "search_path": SCHEMA,
        "enable_partitionwise_join": "on",
        "jit": "off",
        "timezone": "UTC",
    }


def grant(cursor: CursorWrapper, role: str) -> None:
    """Let a role read all views."""
    name = identifier(role)
    cursor.execute(compose("GRANT USAGE ON SCHEMA telemetry TO {name}", name=name))
    cursor.execute(compose("GRANT SELECT ON ALL TABLES IN SCHEMA telemetry TO {name}", name=name))


def remove(reader: SqlReader) -> None:
    """Remove a role and end its connections."""
    with transaction.atomic(), connection.cursor() as cursor:
        if exists(reader.role):
            name = identifier(reader.role)
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [reader.role]
            )
            cursor.execute(compose("DROP OWNED BY {name}", name=name))
            cursor.execute(compose("DROP ROLE {name}", name=name))
        reader.delete()


# A role may set its own statement_timeout to anything, so the limit is also kept from outside.
_OVERDUE = """
SELECT usename, pg_cancel_backend(pid)
FROM pg_stat_activity JOIN events_sqlreader ON role = usename
WHERE state = 'active' AND query_start < %s - make_interval(secs => seconds + 1)
"""


def cancel_overdue(now: datetime) -> list[str]:
    """Cancel the statements of readers that run longer than they may. Returns the roles."""
    if not SqlReader.objects.exists():
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OVERDUE, [now])
        return [role for role, cancelled in cursor.fetchall() if cancelled]
