"""Who reads: a secret key, as `Authorization: Bearer`."""

from typing import Any

from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from events.access import KeyUser
from events.ownership import key_use
from events.ownership.api_key import ApiKey, KeyType
from events.ownership.senders import find


class KeyAuthentication(BaseAuthentication):
    """A secret key reads the owners it may write for; a publishable one reads nothing."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The reader, None where no key was sent. Raises AuthenticationFailed or PermissionDenied."""
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            return None
        sender = find(text.strip())
        if sender is None:
            raise exceptions.AuthenticationFailed("The API key is not known, has expired or was revoked.")
        if sender.type != KeyType.SECRET:
            raise exceptions.PermissionDenied("A publishable key only writes; reading takes a secret key.")
        key = ApiKey.objects.get(pk=sender.key_id)
        if key_use.is_stale(key.last_used_at, now := timezone.now()):
            key_use.note({key.pk: now})
        return KeyUser(key), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="tally"'
