"""Readers of the API: authenticated by a secret key, with its permissions, and limited in their rate."""

from django.conf import settings
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from events.access import KeyUser, Person
from events.lib import buckets
from events.lib.buckets import Bucket, Exhausted, Limit, bucket_name
from events.lib.settings_cache import cached_from_settings
from events.ownership import senders
from events.ownership.api_key import ApiKey, Permission
from events.ownership.senders import find

INVALID = "The API key is not known, has expired or was revoked."
LACKING = "This API key has no {} permission; send a secret key that has it."
NOT_BY_LOGIN = "This needs a secret key with the manage permission. People manage in the admin."


class KeyAuthentication(BaseAuthentication):
    """A key with the read permission reads the events of its owners, one with manage administers them."""

    def authenticate(self, request: Request) -> tuple[object, object] | None:
        """Return the reader, or None if no key was sent. Raises AuthenticationFailed or PermissionDenied."""
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            return None
        sender = find(text.strip())
        if sender is None:
            raise exceptions.AuthenticationFailed(INVALID)
        if not (sender.may_read or sender.may_manage):
            raise exceptions.PermissionDenied(LACKING.format(Permission.READ))
        usable = ApiKey.objects.usable().select_related("organization", "user", "created_by")
        key = usable.filter(pk=sender.key_id).first()
        if key is None:  # revoked or removed since it was cached
            raise exceptions.AuthenticationFailed(INVALID)
        if senders.is_stale(key.last_used_at, now := timezone.now()):
            senders.note_use({key.pk: now})
        return KeyUser(key), key

    def authenticate_header(self, request: Request) -> str:
        """Return the value of WWW-Authenticate."""
        return 'Bearer realm="tally"'


class Permitted(BasePermission):
    """A key has one of the permissions that the view needs. People who are logged in have read only.

    A view names them in `needs`, and in `needs_to_change` if other methods than GET need others.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        """True, or raise PermissionDenied with what is missing."""
        needs: tuple[Permission, ...] = getattr(view, "needs", (Permission.READ,))
        if request.method not in SAFE_METHODS:
            needs = getattr(view, "needs_to_change", needs)
        if isinstance(request.user, KeyUser):
            if not set(needs) & set(request.user.key.permissions):
                raise exceptions.PermissionDenied(LACKING.format(needs[0]))
        elif Permission.READ not in needs:
            raise exceptions.PermissionDenied(NOT_BY_LOGIN)
        return True


class Limited(Throttled):
    """The error for a reader who exceeds the rate limit."""

    def __init__(self, short: Exhausted) -> None:
        super().__init__(detail=short.sentence())  # without DRF's sentence about the waiting time
        self.wait = short.wait
        self.headers = short.headers()


@cached_from_settings
def _limit() -> Limit | None:
    """Return the rate limit of a reader, or None if rate limits are off."""
    if not settings.RATE_LIMITS:
        return None
    return Limit(settings.RATE_LIMIT_READER_PER_SECOND, settings.RATE_LIMIT_READER_BURST)


def policy() -> str:
    """Return the limit for the RateLimit-Policy header, or an empty text."""
    limit = _limit()
    return buckets.policy("reader", *limit) if limit else ""


# Key of a request's environment, which the front passes to Django again after a wait: `events.api.changes`.
ASKED_BEFORE = "tally.asked_before"


class ReaderThrottle(BaseThrottle):
    """Allows requests within the limit. Requests without access were refused before."""

    def allow_request(self, request: Request, view: object) -> bool:
        """True. Raises `Limited`."""
        if ASKED_BEFORE in request.META:
            return True
        limit, bucket = _limit(), _bucket_of(request.user)
        if limit is not None and bucket is not None:
            name, whose = bucket
            short = buckets.spend([Bucket(name, limit, whose)])
            if short is not None:
                raise Limited(short)
        return True


def _bucket_of(user: Person) -> tuple[str, str] | None:
    """Return the name and owner of a reader's bucket; None for anonymous requests."""
    if isinstance(user, KeyUser):
        return bucket_name("reading_key", str(user.key.pk)), "this API key"
    return (bucket_name("reading_person", str(user.pk)), "this person") if user.is_authenticated else None
