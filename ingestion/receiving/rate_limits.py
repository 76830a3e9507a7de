"""Rate limits of ingestion: one bucket per key and per address of a sender; see `events.lib.buckets`."""

from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import NamedTuple

from django.conf import settings

from events.lib import buckets
from events.lib.buckets import Bucket, Limit, bucket_name
from events.lib.settings_cache import cached_from_settings
from ingestion.dialects.refusal import Refused
from ingestion.receiving.address import network_of, sender_address


class _Limits(NamedTuple):
    """The limits of all keys and of all addresses."""

    of_key: Limit
    of_address: Limit


@cached_from_settings
def _limits() -> _Limits | None:
    """The limits in force; None where they are off."""
    if not settings.RATE_LIMITS:
        return None
    return _Limits(
        Limit(settings.RATE_LIMIT_KEY_PER_SECOND, settings.RATE_LIMIT_KEY_BURST),
        Limit(settings.RATE_LIMIT_ADDRESS_PER_SECOND, settings.RATE_LIMIT_ADDRESS_BURST),
    )


def spend(meta: Mapping[str, str], key: str) -> None:
    """Spend a token of the sender's address and one of the key as presented ("": none), known or not.

    Raises `Refused` (429) where one of the buckets is empty; then neither loses a token.
    """
    limits = _limits()
    if limits is None:
        return
    short = buckets.spend(_buckets(limits, address_of(meta), key))
    if short is not None:
        raise Refused(429, "rate_limited", short.sentence(), headers=short.headers())


def policy() -> str:
    """The key's limit for the RateLimit-Policy header; "" where none is."""
    limits = _limits()
    return buckets.policy("key", *limits.of_key) if limits else ""


def address_of(meta: Mapping[str, str]) -> str:
    """The sender's address, an IPv6 one by its network; where it isn't known, what the server has for it."""
    address = sender_address(meta)
    if address is None:
        return meta.get("REMOTE_ADDR", "")
    network = network_of(address)
    return f"{network}/64" if isinstance(network, IPv6Address) else str(network)


def _buckets(limits: _Limits, address: str, key: str) -> list[Bucket]:
    found = []
    if address:
        found.append(Bucket(bucket_name("address", address), limits.of_address, "this address"))
    if key:
        found.append(Bucket(bucket_name("key", key), limits.of_key, "this API key"))
    return found
