"""What all tests share: caches emptied, people and teams to test with."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from events import buckets
from events.ownership import provisioning, senders
from events.ownership.api_key import KeyType
from ingestion import owners, quotas
from tests.sending import MakeSender, Sender


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Nothing that one test's process remembers reaches the next."""
    yield
    senders.forget()
    owners.forget()
    quotas.forget()
    buckets.forget()


@pytest.fixture
def make_sender(db: None, client: Client) -> MakeSender:
    """A sender with a key of its own; arguments as of `provisioning.key`."""

    def make(owner: str = "YourTeam", **options: Any) -> Sender:
        options.setdefault("organization_slug", "acme")
        made = provisioning.key(owner_name=owner, **options)
        return Sender(made.key, made.text, client)

    return make


@pytest.fixture
def sender(make_sender: MakeSender) -> Sender:
    """A sender whose secret key may write for every owner of its organization."""
    return make_sender(owners="all", kind=KeyType.SECRET)
