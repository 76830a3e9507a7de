"""System checks: a setting of the way in that means nothing is named at the start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from events.accounts.second_factor import CHOICES


@register()
def check_second_factor(**_: Any) -> list[CheckMessage]:
    """The setting says one of what there is."""
    if settings.SECOND_FACTOR in CHOICES:
        return []
    said = f"SECOND_FACTOR is {settings.SECOND_FACTOR!r}."
    return [Error(said, hint=f"It can be {', '.join(CHOICES)}.", id="accounts.E001")]
