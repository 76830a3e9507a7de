"""Addresses that webhooks may be posted to: public ones, and those of the networks that the settings allow.

Otherwise a webhook could reach what only this machine can: the database, a cloud's metadata, a router.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
LONGEST = 2_000  # characters of a URL
_GLOBAL = ip_network("2000::/3")  # what is assigned of IPv6; all else is reserved or for special uses
# Special uses that older versions of Python take for global: of protocols, 6to4's relays, documentation.
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")))
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_PORTS = {"https": 443, "http": 80}


class RefusedAddress(Exception):
    """A URL that webhooks may not be posted to, with the reason as a sentence."""


def split(url: str) -> tuple[SplitResult, int]:
    """Return the parts of a URL and its port. Raises `RefusedAddress` for one that can't be used."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise RefusedAddress(
            f"At most {LONGEST:,} characters of ASCII without spaces. Write international names as xn--…."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RefusedAddress("This isn't a URL.") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_ALLOW_HTTP):
        raise RefusedAddress("The URL must begin with https://.")
    if not parts.hostname or "%" in parts.netloc or port == 0:
        raise RefusedAddress("The URL needs the name of a host.")
    if "@" in parts.netloc:
        raise RefusedAddress("The URL can't contain a user name or password. Verify the signature instead.")
    if "#" in url:
        raise RefusedAddress("The URL can't have a fragment.")
    return parts, port or _PORTS[parts.scheme]


def check_url(url: str) -> None:
    """Check a URL without asking the DNS. Raises `RefusedAddress`.

    Numbers are addresses in each form that connecting would understand, such as 0x7f.1.
    """
    parts, port = split(url)
    try:
        found = _looked_up(str(parts.hostname), port, socket.AI_NUMERICHOST)
    except OSError:  # a name
        return
    _refuse(found)


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host. Raises `RefusedAddress` unless all of them may be posted to."""
    try:
        found = _looked_up(host, port)
    except (OSError, UnicodeError) as error:
        raise RefusedAddress("The name of the host can't be resolved.") from error
    _refuse(found)
    return found


def _looked_up(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=flags)
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))


def _refuse(addresses: Iterable[Address]) -> None:
    # One that isn't public says that the name isn't to be trusted.
    if not all(is_allowed(address) for address in addresses):
        raise RefusedAddress("The host has an address that isn't public.")


def is_allowed(address: Address) -> bool:
    """True if webhooks may be posted to an address."""
    reached = _reached(address)
    networks = (ip_network(each) for each in settings.WEBHOOK_ALLOWED_NETWORKS)
    return is_public(reached) or any(reached in network for network in networks)


def is_public(address: Address) -> bool:
    """True for an address that belongs to one host of the internet."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return False
    is_special = address.is_multicast or address.is_reserved or any(address in each for each in _SPECIAL)
    return address.is_global and not is_special


def _reached(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
