"""Address hash: what stands for the sender's address, the same for one organization, of no use to another.

Source: Buildless's `source_ip`, "salted hash of the sender's IP, stable within one tenant"; the algorithm is
ours: HMAC-SHA-256 under a key that is made of the installation's secret and the organization.
"""

import hmac
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address


def address_hash(secret: str, organization: int, address: IPv4Address | IPv6Address) -> str:
    """Return the hash of an address in hexadecimal. An address of IPv4 written in IPv6 is the one of IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return hmac.digest(_key(secret, organization), (mapped or address).packed, "sha256").hex()


@lru_cache(maxsize=1_000)
def _key(secret: str, organization: int) -> bytes:
    return hmac.digest(secret.encode(), f"address:{organization}".encode(), "sha256")
