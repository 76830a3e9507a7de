"""What is kept of a request beside its body: what headers, address and key say of all its events.

The address goes no further than here: what is kept of it is its hash and the place that it maps to.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from events.enrichment import is_on, place
from events.enrichment.address import address_hash
from events.enrichment.agent import LONGEST
from events.enrichment.facts import TENANT, USER, USER_AGENT
from events.enrichment.skew import skew_ms
from events.ownership.senders import Sender
from events.wire.values import readable
from ingestion.receiving.address import sender_address

LONGEST_EDGE = 100


def of_request(meta: Mapping[str, str], sender: Sender) -> dict[str, str]:
    """What any request says of its events."""
    kept: dict[str, str] = {}
    with_hash, with_place = is_on("address_hash"), is_on("place")
    address = sender_address(meta) if with_hash or with_place else None
    if address is not None:
        if with_hash:
            kept["address_hash"] = address_hash(settings.ADDRESS_HASH_KEY, sender.organization_id, address)
        if with_place:
            found = place.place_columns(place.record_of(address))
            kept |= {name: str(value) for name, value in found.items()}
    if is_on("user_agent") and (agent := meta.get("HTTP_USER_AGENT", "").strip()):
        kept[USER_AGENT] = readable(agent[:LONGEST])
    if settings.EDGE_HEADER and is_on("edge") and (edge := _header(meta, settings.EDGE_HEADER)):
        kept["edge"] = readable(edge[:LONGEST_EDGE])
    return kept


def of_account(sender: Sender) -> dict[str, str]:
    """Whose the key is, for the dialect that has it in its events."""
    return {name: text for name, text in ((TENANT, sender.tenant), (USER, sender.user)) if text}


def of_clock(sent: Any, received_at: datetime) -> dict[str, str]:
    """The sender's clock against ours, by the time of sending that a batch has on it."""
    skew = skew_ms(sent, received_at) if is_on("clock_skew") else None
    return {} if skew is None else {"clock_skew_ms": str(skew)}


def _header(meta: Mapping[str, str], name: str) -> str:
    return meta.get("HTTP_" + name.upper().replace("-", "_"), "").strip()
