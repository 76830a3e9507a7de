"""Bounds of a request, checked before its body is decoded. Those of one event are in `jsontext`."""

from django.conf import settings

from events.lib.settings_cache import cached_from_settings
from ingestion.dialects import jsontext
from ingestion.dialects.refusal import Refused


@cached_from_settings
def most_events() -> int:
    """Return the largest number of events in a request."""
    most: int = settings.INGEST_MAX_EVENTS
    return most


@cached_from_settings
def most_elements() -> int:
    """Return the largest number of keys and list items in a request."""
    most: int = settings.INGEST_MAX_BODY_ELEMENTS
    return most


def check_events(count: int) -> None:
    """Raise `Refused` (413) for more events than a request may have."""
    if count > most_events():
        raise Refused(413, "too_many_events", f"More than {most_events():,} events; split the request.")


def check_elements(body: bytes) -> None:
    """Raise `Refused` (413) for JSON with more keys and list items than a request may have."""
    most = most_elements()
    if jsontext.has_more_elements(body, most):
        raise Refused(
            413,
            "too_many_elements",
            f"The body has more than {most:,} keys and list items; split it.",
        )
