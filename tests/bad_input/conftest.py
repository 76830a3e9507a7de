"""Who sends bad input."""

import pytest

from events.ownership.api_key import KeyType
from events.ownership.owner import Validation
from tests.sending import MakeSender, Sender


@pytest.fixture
def senders(make_sender: MakeSender, settings: object) -> dict[str, Sender]:
    """A lenient and a strict one."""
    settings.RATE_LIMITS = False  # type: ignore[attr-defined]  # what they limit has tests of its own
    return {
        mode: make_sender(f"{mode} team", owners="all", kind=KeyType.SECRET, validation=mode)
        for mode in Validation
    }
