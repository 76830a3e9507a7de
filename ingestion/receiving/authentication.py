"""Authentication: the API key of a request, by every means that the formats name, and its rate limits."""

import base64
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import parse_qsl

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest

from events.api.plain_http import SENTENCE, is_demanded
from events.lib import buckets
from events.lib.buckets import Bucket, Limit, bucket_name
from events.lib.settings_cache import cached_from_settings
from events.ownership import senders
from events.ownership.api_key import ApiKey, KeyType, parts_of
from events.ownership.senders import Sender, find
from ingestion.dialects.decoding import Refused
from ingestion.receiving.context import network_of, sender_address

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tally"'}


def authenticate(meta: Mapping[str, str]) -> Sender:
    """Return the sender of a request. Raises `Refused`: 401, 403, or 429 before a key is looked up."""
    sender, in_url = _identify(meta)
    if in_url and sender.type == KeyType.SECRET:
        senders.note_exposed(sender)
        raise _unauthorised(
            "secret_key_in_url",
            "Don't send a secret key in a URL, because logs record it. Replace the key, and send a"
            " publishable one.",
        )
    if not sender.may_write:
        raise Refused(403, "key_only_reads", "This API key has no write permission; send one that has it.")
    return sender


def refuse_plain_http(request: HttpRequest) -> None:
    """Refuse (403) plain HTTP if HTTPS is required. After a redirect the client would send the key again."""
    if not is_demanded(request):
        return
    try:
        senders.note_exposed(_identify(request.META)[0])
    except Refused as refused:
        if refused.status == 429:
            raise
    raise Refused(403, "https_required", SENTENCE)


def count_malformed(sender: Sender) -> None:
    """Count a body that could not be parsed: it has no events to count."""
    ApiKey.objects.filter(pk=sender.key_id).update(malformed=F("malformed") + 1)


def _identify(meta: Mapping[str, str]) -> tuple[Sender, bool]:
    """Return the sender of a request's key, and whether the key is in the URL."""
    try:
        whole, in_url = _presented(meta)
    except Refused:
        _spend(meta, "")
        raise
    # Malformed keys get no bucket. Every other key has its own, so junk keys lock nobody out.
    _spend(meta, whole if parts_of(whole) else "")
    sender = find(whole)
    if sender is None:
        raise _unauthorised("bad_key", "The API key is not known, has expired or was revoked.")
    return sender, in_url


def _presented(meta: Mapping[str, str]) -> tuple[str, bool]:
    """Return the one key that a request presents, valid or not, and whether it is in the URL."""
    keys = set(_in_headers(meta))
    in_url = _in_url(meta.get("QUERY_STRING", ""))
    keys |= in_url
    if not keys:
        raise _unauthorised("no_key", "An API key is required: Authorization: Bearer KEY, or X-API-Key: KEY.")
    if len(keys) > 1:
        raise _unauthorised("two_keys", "The request carries two different API keys; send one.")
    (whole,) = keys
    return whole, bool(in_url)


def _in_headers(meta: Mapping[str, str]) -> list[str]:
    """Return the keys in `Authorization` and `X-API-Key`. An empty Bearer counts as none."""
    keys = [meta.get("HTTP_X_API_KEY", "").strip()]
    scheme, _, credentials = meta.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        keys.append(credentials)
    elif scheme.lower() == "basic":
        keys.append(_basic(credentials))
    elif scheme:
        raise _unauthorised("bad_scheme", "Authorization must be Bearer KEY, or Basic with user apikey.")
    return [key for key in keys if key]


def _basic(credentials: str) -> str:
    """Return the password of HTTP Basic, whose user must be `apikey`."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError as error:  # not ASCII, not base64, not UTF-8
        raise _unauthorised("bad_basic", "The Basic credentials aren't apikey:KEY in base64.") from error
    if user != "apikey":
        raise _unauthorised(
            "bad_basic", "Basic credentials must have the user apikey and the key as the password."
        )
    return password


def _in_url(query: str) -> set[str]:
    if "key=" not in query:
        return set()
    return {value for name, value in parse_qsl(query) if name == "key" and value}


def _unauthorised(code: str, message: str) -> Refused:
    return Refused(401, code, message, headers=_CHALLENGE)


# Rate limits: a bucket of tokens for each API key and for each address (`events.lib.buckets`).


class _Limits(NamedTuple):
    """The limits of each key and of each address."""

    of_key: Limit
    of_address: Limit


@cached_from_settings
def _limits() -> _Limits | None:
    """Return the limits in force; None if they are off."""
    if not settings.RATE_LIMITS:
        return None
    return _Limits(
        Limit(settings.RATE_LIMIT_KEY_PER_SECOND, settings.RATE_LIMIT_KEY_BURST),
        Limit(settings.RATE_LIMIT_ADDRESS_PER_SECOND, settings.RATE_LIMIT_ADDRESS_BURST),
    )


def rate_limit_policy() -> str:
    """Return the key's limit for the RateLimit-Policy header, or "" if there is none."""
    limits = _limits()
    return buckets.policy("key", *limits.of_key) if limits else ""


def _spend(meta: Mapping[str, str], key: str) -> None:
    """Spend a token of the sender's address and one of the key as presented ("": none), known or not.

    Raises `Refused` (429) if one of the buckets is empty; then neither loses a token.
    """
    limits = _limits()
    if limits is None:
        return
    spent = []
    if address := address_of(meta):
        spent.append(Bucket(bucket_name("address", address), limits.of_address, "this address"))
    if key:
        spent.append(Bucket(bucket_name("key", key), limits.of_key, "this API key"))
    short = buckets.spend(spent)
    if short is not None:
        raise Refused(429, "rate_limited", short.sentence(), headers=short.headers())


def address_of(meta: Mapping[str, str]) -> str:
    """Return the sender's address, of IPv6 the network; if it isn't known, what the server has for it."""
    address = sender_address(meta)
    if address is None:
        return meta.get("REMOTE_ADDR", "")
    network = network_of(address)
    return f"{network}/64" if isinstance(network, IPv6Address) else str(network)
