"""What a request tells about its sender besides the body: address, user agent, edge, owner of the key, clock.

The address is the peer's. If the peer is a trusted proxy, it is what the proxies wrote into their header,
read
from the right: each proxy appends the address that connected to it, and anybody can have written what is left
of that. The address itself goes no further than here: only its hash and its location are stored.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from events.enrichment import is_on, place
from events.enrichment.address import address_hash
from events.enrichment.agent import LONGEST
from events.enrichment.clock import skew_ms
from events.enrichment.facts import TENANT, USER, USER_AGENT
from events.ownership.senders import Sender
from events.wire.values import Wire, readable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
HOST_BITS = 64  # of an IPv6 address
PROXY_HEADERS = ("X-Forwarded-For", "Forwarded")
MAX_EDGE = 100  # characters
_FOR = re.compile(r"(?:^|;)\s*for\s*=\s*(\"[^\"]*\"|[^;\s]*)", re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\w+)?\Z|([0-9.]+):\w+\Z")


def of_request(meta: Mapping[str, str], sender: Sender) -> dict[str, str]:
    """Return the context that requests of all dialects have."""
    context: dict[str, str] = {}
    with_hash, with_place = is_on("address_hash"), is_on("place")
    address = sender_address(meta) if with_hash or with_place else None
    if address is not None:
        if with_hash:
            context["address_hash"] = address_hash(settings.ADDRESS_HASH_KEY, sender.organization_id, address)
        if with_place:
            found = place.place_columns(place.record_of(address))
            context |= {name: str(value) for name, value in found.items()}
    if is_on("user_agent") and (agent := meta.get("HTTP_USER_AGENT", "").strip()):
        context[USER_AGENT] = readable(agent[:LONGEST])
    if settings.EDGE_HEADER and is_on("edge") and (edge := _header(meta, settings.EDGE_HEADER)):
        context["edge"] = readable(edge[:MAX_EDGE])
    return context


def of_account(sender: Sender) -> dict[str, str]:
    """Return tenant and user of the API key, for the dialect that has them in its events."""
    return {name: text for name, text in ((TENANT, sender.tenant), (USER, sender.user)) if text}


def of_clock(sent: Wire, received_at: datetime) -> dict[str, str]:
    """Return how far the sender's clock is off, from the time of sending that a batch states."""
    skew = skew_ms(sent, received_at) if is_on("clock_skew") else None
    return {} if skew is None else {"clock_skew_ms": str(skew)}


def _header(meta: Mapping[str, str], name: str) -> str:
    return meta.get("HTTP_" + name.upper().replace("-", "_"), "").strip()


def sender_address(meta: Mapping[str, str]) -> Address | None:
    """Return the sender's address; None if the server or its proxies don't know it.

    The rightmost address that isn't a trusted proxy's; if all are trusted, the first.
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
    """Return the address in a text, perhaps with a port or brackets. IPv4 in IPv6 form becomes IPv4."""
    text = text.strip().strip('"')
    if found := _WITH_PORT.match(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # without a zone, which is the machine's own
    return address


def network_of(address: Address) -> Address:
    """Return the address that limits count by.

    That is an IPv4 address, or the first of an IPv6 address's /64, whose holder can choose the rest.
    """
    if isinstance(address, IPv4Address):
        return address
    return IPv6Address(int(address) >> HOST_BITS << HOST_BITS)


def _hops(meta: Mapping[str, str]) -> Iterator[str]:
    """Yield the addresses in the proxies' header, the last one first."""
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
    """Return the networks that a setting names. Raises ValueError."""
    return tuple(ip_network(text.strip(), strict=False) for text in written)


@register()
def check_proxies(**_: object) -> list[CheckMessage]:
    """Check that trusted proxies are networks, and that their header is a known one."""
    errors: list[CheckMessage] = []
    for text in settings.TRUSTED_PROXIES:
        try:
            networks((text,))
        except ValueError:
            errors.append(
                Error(
                    f"TRUSTED_PROXIES has {text!r}, which is not a network.",
                    hint="Separate addresses or networks by commas: 10.0.0.0/8, 127.0.0.1.",
                    id="ingestion.E001",
                )
            )
    if settings.PROXY_HEADER.lower() not in map(str.lower, PROXY_HEADERS):
        errors.append(
            Error(
                f"PROXY_HEADER is {settings.PROXY_HEADER!r}.",
                hint=f"Set it to {' or '.join(PROXY_HEADERS)}.",
                id="ingestion.E002",
            )
        )
    return errors
