"""Rollups: what touching costs the drain, and how fast what it touched is folded, in this process.

The drain is compared by the CPU time of its process: the clock says more of what else the machine does.
"""

import statistics
import time
from unittest import mock

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from benchmarks import bodies, copying
from benchmarks.ingest import BATCH
from events.ownership import provisioning, senders
from events.store import pending
from ingestion.dialects import sunbird
from ingestion.filing.drain import drain
from ingestion.receiving import pipeline
from reports.rollups.folding import fold_block
from reports.rollups.models import RestingQuarter
from reports.rollups.rollup import rollups


def measure(rounds: int, events: int) -> None:
    """Print the drain's rate with and without touching, and the rate of folding the events that it filed."""
    sender = senders.find(provisioning.key(organization_slug="bench", owner_name="Bench").text)
    assert sender is not None
    _drained(sender, 2_000, seed=0)
    print("\nRollups: events of a CPU second of the drain with touching, without; ratio; folded/s")
    ratios = []
    for number in range(rounds):
        seed = number + int(time.time())
        with mock.patch.object(pending, "add_quarters"):
            without = _drained(sender, events, seed)
        touching = _drained(sender, events, seed)
        ratios.append(touching / without)
        print(
            f"  {touching:>10,.0f}  {without:>10,.0f}  {ratios[-1]:.2f}  {_folded(events):>10,.0f}",
            flush=True,
        )
    print(f"  median of the ratios: {statistics.median(ratios):.2f}")
    empty()


def _drained(sender: senders.Sender, events: int, seed: int) -> float:
    """Events that are filed in a CPU second of this process."""
    empty()
    for body in bodies.batches(events // BATCH, BATCH, seed):
        pipeline.accept(sender, sunbird.DECODER, "json", body, timezone.now(), {})
    began = time.process_time()
    filed = drain()
    seconds = time.process_time() - began
    assert filed.stored == events, filed
    return events / seconds


def _folded(events: int) -> float:
    """Events a second that are folded, of those that were just filed."""
    began = time.perf_counter()
    while fold_block(timezone.now()):
        pass
    return events / (time.perf_counter() - began)


def empty() -> None:
    """Empty the tables of rollups and what is pending for them, beside those of events."""
    copying.empty()
    models: list[type[Model]] = [pending.TouchedQuarter, RestingQuarter, *rollups()]
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)}")
