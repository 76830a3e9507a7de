"""Persistent connections: no request fails because the server has ended one."""

import pytest
from django.db import connection


def backend() -> int:
    """Return the pid of the backend of this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found: int = cursor.fetchone()[0]
        return found


def end(pid: int) -> None:
    """Terminate a backend, and wait until it has ended."""
    aside = connection.copy()
    try:
        with aside.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            assert cursor.fetchone() == (True,)
    finally:
        aside.close()


@pytest.mark.django_db(transaction=True)
def test_an_ended_connection_is_renewed_before_the_next_request() -> None:
    ended = backend()
    end(ended)
    connection.close_if_unusable_or_obsolete()  # as Django does when a request begins
    assert backend() != ended


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_works_is_kept() -> None:
    kept = backend()
    connection.close_if_unusable_or_obsolete()
    assert backend() == kept
