"""The statement that libpq runs: in Django's transactions, past what servers forget, with Django's errors."""

import pytest
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, connections, transaction
from psycopg.pq import Format

from ingestion.receiving.inbox import InboxRequest, Prepared
from tests.sending import SUNBIRD, Sender, log_event

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_body_of_any_bytes_is_kept_as_it_was(sender: Sender) -> None:
    body = b'{"events":[{"eid":"LOG","x":"\\u0000\\\\"}]}\r\n\t '
    assert sender.post(SUNBIRD, body).status_code == 200
    assert bytes(InboxRequest.objects.get().body) == body


def test_a_statement_that_the_server_forgot_is_prepared_again(sender: Sender) -> None:
    sender.batch(log_event("LOG:1"))
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    sender.batch(log_event("LOG:2"))
    assert InboxRequest.objects.count() == 2


def test_a_new_connection_prepares_for_itself(sender: Sender) -> None:
    sender.batch(log_event("LOG:1"))
    connection.close()
    sender.batch(log_event("LOG:2"))
    assert InboxRequest.objects.count() == 2


def test_it_belongs_to_the_transaction_that_it_is_the_first_statement_of(sender: Sender) -> None:
    sender.batch(log_event("LOG:1"))
    InboxRequest.objects.all().delete()
    with transaction.atomic():
        sender.batch(log_event("LOG:2"))  # what it looks up comes from memory: no other statement was before
        transaction.set_rollback(True)
    assert not InboxRequest.objects.exists()


def test_its_errors_are_those_of_django(db: None) -> None:
    wrong = Prepared("wrong", "INSERT INTO nowhere VALUES ($1)", [Format.TEXT])
    with pytest.raises(ProgrammingError, match="nowhere"):
        wrong.run(connections[DEFAULT_DB_ALIAS], [b"1"])
