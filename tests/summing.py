"""Summing up for tests: the sessions of all events that were filed since."""

from django.utils import timezone

from events.sessions.summarising import summarise_block


def sum_up() -> None:
    """Compute the sessions that are due."""
    while summarise_block(timezone.now()).keys:
        pass
