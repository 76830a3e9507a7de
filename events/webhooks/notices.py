"""Notices of paused webhooks, independent of how they are sent.

The mail app registers its sender here, because `events` may not import `reports`.
"""

from collections.abc import Callable
from datetime import datetime

from events.webhooks.webhook import Webhook

Teller = Callable[[Webhook, datetime], None]
_tellers: list[Teller] = []


def register(teller: Teller) -> None:
    """Register the function that tells leads of a paused webhook."""
    _tellers[:] = [teller]


def tell(webhook: Webhook, now: datetime) -> None:
    """Tell the leads of a webhook that it is paused."""
    for teller in _tellers:
        teller(webhook, now)
