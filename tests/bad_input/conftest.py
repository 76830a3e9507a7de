"""Senders of bad input."""

import pytest

from events.ownership.api_key import KeyType
from events.ownership.owner import Validation
from tests.sending import MakeSender, Sender


@pytest.fixture
def senders(make_sender: MakeSender, settings: object) -> dict[str, Sender]:
    """A lenient and a strict sender."""
    settings.RATE_LIMITS = False  # type: ignore[attr-defined]  # they have tests of their own
    return {
        mode: make_sender(f"{mode} team", owners="all", kind=KeyType.SECRET, validation=mode)
        for mode in Validation
    }
