"""Address hash: identifies a sender within one organization without revealing the address.

Source: Buildless's `source_ip`, "salted hash of the sender's IP, stable within one tenant". The algorithm is
ours: HMAC-SHA-256 with a key derived from the installation's secret and the organization.
"""

import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address


def address_hash(secret: str, organization: int, address: IPv4Address | IPv6Address) -> str:
    """Return the hash of an address in hexadecimal. IPv4-mapped IPv6 addresses count as IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return hmac.digest(_key(secret, organization), (mapped or address).packed, "sha256").hex()


@lru_cache(maxsize=1_000)
def _key(secret: str, organization: int) -> bytes:
    return hmac.digest(secret.encode(), f"address:{organization}".encode(), "sha256")
