"""Decomposes and enriches events without a database."""

from collections.abc import Mapping
from typing import Any

from events.enrichment import enrich, facts_of
from events.identity import moment
from events.kinds import KINDS
from events.wire.schema import Taken

Wire = dict[str, Any]


def enriched(kind: str, event: Wire, context: Mapping[str, str] | None = None) -> Taken:
    """Decompose and enrich an event as the store does."""
    taken = KINDS[kind].schema.take(event, ())
    taken.envelope.setdefault("occurred_at", moment(1_700_000_000_000))
    enrich(taken, facts_of(context or {}), kind)
    return taken
