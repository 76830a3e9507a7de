"""Retrying: a transaction's work, done again where the database chose it as the victim of a deadlock."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import transaction

from ingestion.filing import failures

P = ParamSpec("P")
T = TypeVar("T")
TRIES = 5  # of a transaction that met a deadlock or a serialization failure


def in_transaction(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work in a transaction, and once more in a new one where it will pass. Raises what it raises."""
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return work(*args, **kwargs)
        except DatabaseError as error:
            if not failures.is_passing(error) or attempt == TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")
