"""The drain with all enrichment on, against the drain with none: in this process, turn by turn."""

import time
from collections.abc import Mapping

from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from benchmarks import bodies, copying
from benchmarks.ingest import BATCH, Reference, Round
from events.ownership import provisioning, senders
from ingestion.dialects import sunbird
from ingestion.filing.drain import drain
from ingestion.receiving import pipeline

# What the view keeps of a request from a browser whose address is known to the database of places.
KEPT: Mapping[str, str] = {
    "address_hash": "0123456789abcdef" * 4,
    "country": "US",
    "region": "California",
    "locality": "Oakland",
    "latitude": "37.8044",
    "longitude": "-122.2697",
    "timezone": "America/Los_Angeles",
    "dma": "807",
    "edge": "SFO5-P1",
    "clock_skew_ms": "-84",
    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36",
}


NONE = Reference("the drain with none", 0.75)


def rounds(count: int, events: int) -> list[Round]:
    """Events a second that one drain files, enriched in all ways and not at all."""
    sender = senders.find(provisioning.key(organization_slug="bench", owner_name="Bench").text)
    assert sender is not None
    parts = list(settings.ENRICHMENT)
    _rate(sender, [], {}, 2_000, seed=0)
    results = []
    for number in range(count):
        seed = number + int(time.time())
        plain = _rate(sender, [], {}, events, seed)
        results.append(Round(_rate(sender, parts, KEPT, events, seed), {NONE: plain}))
    return results


def _rate(sender: senders.Sender, parts: list[str], kept: Mapping[str, str], events: int, seed: int) -> float:
    copying.empty()
    with override_settings(ENRICHMENT=parts):
        for body in bodies.batches(events // BATCH, BATCH, seed):
            pipeline.accept(sender, sunbird.DECODER, "json", body, timezone.now(), dict(kept))
        began = time.perf_counter()
        filed = drain()
        seconds = time.perf_counter() - began
    assert filed.stored == events, filed
    return events / seconds
