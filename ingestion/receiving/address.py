"""The sender's address: the one place that says whose address a request comes from.

It is the peer's. Where the peer is a trusted proxy, it is what the proxies wrote into their header, from the
right: each proxy adds who spoke to it at the end, and what stands before that, anybody can have written.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
HOST_BITS = 64  # of an IPv6 address
PROXY_HEADERS = ("X-Forwarded-For", "Forwarded")
_FOR = re.compile(r"(?:^|;)\s*for\s*=\s*(\"[^\"]*\"|[^;\s]*)", re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\w+)?\Z|([0-9.]+):\w+\Z")


def sender_address(meta: Mapping[str, str]) -> Address | None:
    """The sender's address; None where the server or its proxies don't know it.

    The rightmost address that isn't a trusted proxy's; of trusted ones alone, the first.
    """
    address = parsed(meta.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES or address is None or not _is_trusted(address):
        return address
    for text in _hops(meta):
        address = parsed(text)
        if address is None or not _is_trusted(address):
            break
    return address


@lru_cache(maxsize=4_096)
def parsed(text: str) -> Address | None:
    """The address in a text, perhaps with a port or in brackets; an IPv4 one written in IPv6 is IPv4."""
    text = text.strip().strip('"')
    if found := _WITH_PORT.match(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # A zone is a matter of the machine that it is on.
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def network_of(address: Address) -> Address:
    """Return the address by which limits count: an IPv4 address, or the first of the /64 of an IPv6 address,
    whose holder can choose the rest.
    """
    if isinstance(address, IPv4Address):
        return address
    return IPv6Address(int(address) >> HOST_BITS << HOST_BITS)


def _hops(meta: Mapping[str, str]) -> Iterator[str]:
    """What the proxies' header says, the last first."""
    header = settings.PROXY_HEADER
    value = meta.get("HTTP_" + header.upper().replace("-", "_"), "")
    while value:
        value, _, hop = value.rpartition(",")
        if header.lower() == "forwarded":
            found = _FOR.search(hop)
            hop = found[1] if found else ""
        if hop.strip():
            yield hop
        elif header.lower() == "forwarded":
            yield "unknown"


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=8)
def networks(written: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks that a setting names. Raises ValueError."""
    return tuple(ip_network(text.strip(), strict=False) for text in written)
