"""The INSERT prepared through libpq works with Django's transactions, reconnects and errors."""

import pytest
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, connections, transaction
from psycopg.pq import Format

from ingestion.receiving.inbox import InboxRequest, Prepared
from tests.sending import SUNBIRD, Sender, log_event

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_body_of_any_bytes_is_stored_unchanged(sender: Sender) -> None:
    body = b'{"events":[{"eid":"LOG","x":"\\u0000\\\\"}]}\r\n\t '
    assert sender.post(SUNBIRD, body).status_code == 200
    assert bytes(InboxRequest.objects.get().body) == body


def test_a_statement_is_prepared_again_if_the_server_has_discarded_it(sender: Sender) -> None:
    sender.batch(log_event("LOG:1"))
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    sender.batch(log_event("LOG:2"))
    assert InboxRequest.objects.count() == 2


def test_a_new_connection_prepares_the_statement_again(sender: Sender) -> None:
    sender.batch(log_event("LOG:1"))
    connection.close()
    sender.batch(log_event("LOG:2"))
    assert InboxRequest.objects.count() == 2


def test_the_statement_begins_a_transaction_if_it_comes_first(sender: Sender) -> None:
    sender.batch(log_event("LOG:1"))
    InboxRequest.objects.all().delete()
    with transaction.atomic():
        sender.batch(log_event("LOG:2"))  # all lookups are cached, so that this is the first statement
        transaction.set_rollback(True)
    assert not InboxRequest.objects.exists()


def test_database_errors_are_djangos(db: None) -> None:
    wrong = Prepared("wrong", "INSERT INTO nowhere VALUES ($1)", [Format.TEXT])
    with pytest.raises(ProgrammingError, match="nowhere"):
        wrong.run(connections[DEFAULT_DB_ALIAS], [b"1"])
