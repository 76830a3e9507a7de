"""What all tests share: caches emptied, people and teams to test with."""

from collections.abc import Iterator

import pytest

from events.ownership import senders
from ingestion import owners


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Nothing that one test's process remembers reaches the next."""
    yield
    senders.forget()
    owners.forget()
