"""Computes session summaries for tests."""

from django.utils import timezone

from events.sessions.summarising import summarise_block


def summarise_sessions() -> None:
    """Summarise all pending sessions."""
    while summarise_block(timezone.now()).keys:
        pass
