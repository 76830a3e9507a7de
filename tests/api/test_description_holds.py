"""The read API behaves as its OpenAPI document says, for requests that schemathesis makes up.

A fixed number of valid and invalid requests for every operation, the same each time, with the real app and
database.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import positive_data_acceptance
from schemathesis.core.result import Ok

from events.ownership.api_key import KeyType, Permission
from events.ownership.owner import Membership, Role
from telemetry_project.api import description
from tests.factories import person
from tests.sending import AVAILITY, EMIT, MakeSender, emitted, file_all, log_event, message, now_ms
from tests.summarising import summarise_sessions
from tests.wire import samples

EXAMPLES = 12  # requests per operation
FEW = 4  # requests per operation that manages: most bodies are refused alike
# Not checked: that every request matching the document is accepted. It can't express which cursors exist, or
# that text has no NUL.
READING = "^/api/v1/"
MANAGED = {"owners", "sources", *("keys", "members", "invitations", "webhooks", "budgets", "subscriptions")}
BUDGET = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LESS = settings(BUDGET, max_examples=FEW)


@pytest.fixture
def alice(make_sender: MakeSender) -> str:
    """The key of an owner with some events of every format. A stranger has others."""
    lena = person("lena")
    sender = make_sender("A", kind=KeyType.SECRET, permissions=list(Permission), created_by=lena.pk)
    Membership.objects.create(user=lena, owner=sender.key.default_owner, role=Role.LEAD)
    stranger = make_sender("B", kind=KeyType.SECRET)
    for each in (sender, stranger):
        each.batch(log_event(), *(samples.complete(kind, ms=now_ms()) for kind in ("audit", "start", "end")))
        each.post(EMIT, emitted())
        each.batch({"eid": "NOPE", "mid": "m1"})
    sender.post(AVAILITY, message(owner="A"))
    file_all()
    summarise_sessions()
    return sender.text


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Keep the app from closing the test's connection, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_responses_match_the_document(alice: str, one_connection: None) -> None:
    described = schemathesis.openapi.from_dict(description())
    described.app = WSGIHandler()
    headers = {"Authorization": f"Bearer {alice}", "Host": "testserver", "Accept-Encoding": "identity"}
    asked = 0
    for found in described.include(path_regex=READING).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @(LESS if operation.path.split("/")[3] in MANAGED else BUDGET)
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            before = transaction.savepoint()  # a refused value would abort the test's transaction
            try:
                case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
            finally:
                transaction.savepoint_rollback(before)

        ask()
    assert asked > 100
