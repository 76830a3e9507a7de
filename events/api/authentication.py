"""Who reads: a secret key, as `Authorization: Bearer`."""

from typing import Any

from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from events.access import KeyUser
from events.ownership import key_use
from events.ownership.api_key import ApiKey
from events.ownership.senders import find


class KeyAuthentication(BaseAuthentication):
    """A key with the read permission reads the events of its owners."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The reader, None where no key was sent. Raises AuthenticationFailed or PermissionDenied."""
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            return None
        sender = find(text.strip())
        if sender is None:
            raise exceptions.AuthenticationFailed("The API key is not known, has expired or was revoked.")
        if not sender.may_read:
            raise exceptions.PermissionDenied(
                "This API key has no read permission; reading takes a secret key that has it."
            )
        key = ApiKey.objects.get(pk=sender.key_id)
        if key_use.is_stale(key.last_used_at, now := timezone.now()):
            key_use.note({key.pk: now})
        return KeyUser(key), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="tally"'
