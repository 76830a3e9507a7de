"""Computes session summaries for tests."""

from django.utils import timezone

from events.sessions.summarising import summarise_block


def sum_up() -> None:
    """Summarise all pending sessions."""
    while summarise_block(timezone.now()).keys:
        pass
