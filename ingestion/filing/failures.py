"""Failures: whose is it, the database's, which passes, or a request's, which stays with it?"""

from django.db import Error, InterfaceError, OperationalError

# By SQLSTATE, a class or one code. Django's classes don't tell: to them a read-only server is an internal
# error, and a value that is too long for an index (54000) as operational as a server that has gone.
_DATABASE = (
    "08",  # connection
    "25006",  # read-only, as a standby is
    "40",  # rolled back: a deadlock, a serialization failure
    "42501",  # no right to a table
    "42703",  # no such column: a migration is under way
    "42P01",  # no such table
    "53",  # disk full, out of memory, too many connections
    "55",  # lock_timeout
    "57",  # statement_timeout, an operator, a shutdown
    "58",  # input or output failed
    "XX001",  # a damaged table
    "XX002",  # a damaged index
)
_PASSING = ("40001", "40P01")


def is_the_databases(error: Exception) -> bool:
    """Whether a failure says nothing about what was to be filed."""
    if state := _sqlstate(error):
        return state.startswith(_DATABASE)
    # Without a state nobody answered.
    return isinstance(error, OperationalError | InterfaceError)


def is_passing(error: Error) -> bool:
    """Whether the same transaction will do at once: the one it met in a deadlock or a conflict is through."""
    return _sqlstate(error) in _PASSING


def _sqlstate(error: Exception) -> str | None:
    """The code of an error of PostgreSQL that Django has wrapped."""
    return getattr(error.__cause__, "sqlstate", None) if isinstance(error, Error) else None
