"""Transactions of workers: which database errors pass by themselves, and which belong to what was filed."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, transaction

P = ParamSpec("P")
T = TypeVar("T")
TRIES = 5  # of a transaction that meets a deadlock or a serialization failure
# By SQLSTATE, a class or one code. Django's classes don't tell: to them a read-only server is an internal
# error, and a value that is too long for an index (54000) as operational as a server that has gone.
_OF_THE_DATABASE = (
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
_RETRIED = ("40001", "40P01")  # a serialization failure, a deadlock


def in_transaction(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work in a transaction; after a deadlock or a serialization failure, again in a new one."""
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return work(*args, **kwargs)
        except DatabaseError as error:
            if _sqlstate(error) not in _RETRIED or attempt == TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def is_database_failure(error: Exception) -> bool:
    """True if an error says nothing about what was to be filed."""
    if state := _sqlstate(error):
        return state.startswith(_OF_THE_DATABASE)
    # Without a state the server didn't answer.
    return isinstance(error, OperationalError | InterfaceError)


def _sqlstate(error: Exception) -> str | None:
    """Return the code of a PostgreSQL error that Django has wrapped."""
    return getattr(error.__cause__, "sqlstate", None) if isinstance(error, DatabaseError) else None
