"""System checks: settings of ingestion that can't work are named at start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from ingestion.receiving.address import PROXY_HEADERS, networks


@register()
def check_proxies(**_: Any) -> list[CheckMessage]:
    """Trusted proxies are networks, and write a header that is known."""
    errors: list[CheckMessage] = []
    for text in settings.TRUSTED_PROXIES:
        try:
            networks((text,))
        except ValueError:
            errors.append(
                Error(
                    f"TRUSTED_PROXIES names {text!r}, which is no network.",
                    hint="Write addresses or networks with commas between: 10.0.0.0/8, 127.0.0.1.",
                    id="ingestion.E001",
                )
            )
    if settings.PROXY_HEADER.lower() not in map(str.lower, PROXY_HEADERS):
        errors.append(
            Error(
                f"PROXY_HEADER is {settings.PROXY_HEADER!r}.",
                hint=f"It can be {' or '.join(PROXY_HEADERS)}.",
                id="ingestion.E002",
            )
        )
    return errors
