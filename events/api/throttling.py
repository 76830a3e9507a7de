"""Throttling: how many requests a reader may make, each key for itself, without one each person."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from events import buckets
from events.access import KeyUser
from events.buckets import Bucket, Limit, Short, name_of
from events.remembered import of_settings


class Limited(Throttled):
    """A reader asks too often."""

    def __init__(self, short: Short) -> None:
        super().__init__(detail=short.sentence())  # without DRF's own sentence on when
        self.wait = short.wait
        self.headers = short.headers()


@of_settings
def _limit() -> Limit | None:
    """The limit of each reader; None where limits are off."""
    if not settings.RATE_LIMITS:
        return None
    return Limit(settings.RATE_LIMIT_READER_PER_SECOND, settings.RATE_LIMIT_READER_BURST)


def policy() -> str:
    """The limit for the RateLimit-Policy header; "" where none is."""
    limit = _limit()
    return buckets.policy("reader", *limit) if limit else ""


class ReaderThrottle(BaseThrottle):
    """Lets a reader through who is within the limit; whoever may not read at all was refused before."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """True. Raises `Limited`."""
        limit, bucket = _limit(), _bucket_of(request.user)
        if limit is not None and bucket is not None:
            name, whose = bucket
            short = buckets.spend([Bucket(name, limit, whose)])
            if short is not None:
                raise Limited(short)
        return True


def _bucket_of(user: Any) -> tuple[str, str] | None:
    """The name of a reader's bucket, and whose it is; None for nobody."""
    if isinstance(user, KeyUser):
        return name_of("reading_key", str(user.key.pk)), "this API key"
    return (name_of("reading_person", str(user.pk)), "this person") if user.is_authenticated else None
