"""Injects one fault after another under traffic, and compares ledger and tables after each."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults import stack as stacks
from tests.faults.catalogue import FAULTS, Fault, Scene
from tests.faults.stack import eventually
from tests.faults.traffic import Maker, Traffic

LEAD_SECONDS = 0.4  # traffic before and after a fault
DRAIN_SECONDS = 60  # a worker whose broker was absent reconnects within ten
SHOWN = 5

# Every sent ID, with the number of its rows in either table.
_FOUND = """
SELECT client_event_id, count(*) FROM (
    SELECT client_event_id FROM events_event UNION ALL SELECT client_event_id FROM ingestion_rejectedevent
) found GROUP BY 1
"""


@dataclass
class Trial:
    """A stack under traffic, and its observed behaviour."""

    scene: Scene
    faults: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    double: set[str] = field(default_factory=set)

    def undergo(self, fault: Fault) -> None:
        """Inject, heal, drain, compare. Raises AssertionError if anything is lost or duplicated."""
        with self.scene.traffic.flowing():
            time.sleep(LEAD_SECONDS)
            with fault.broken(self.scene):
                time.sleep(LEAD_SECONDS)
            healed = time.monotonic()
            time.sleep(LEAD_SECONDS)
        eventually(self._is_drained, DRAIN_SECONDS, f"an empty inbox after {fault.name}")
        self.faults[fault.name] += 1
        took = time.monotonic() - healed
        self.slowest[fault.name] = max(took, self.slowest.get(fault.name, 0))
        self.compare()
        assert "All agrees" in self.scene.stack.managed("verify")

    def compare(self) -> None:
        """Check that acknowledged events are stored once, and others at most once."""
        ledger = self.scene.traffic.ledger
        found: dict[str, int] = dict(self.scene.stack.ask(_FOUND))
        self.lost = {one for one in ledger.acknowledged if not found.get(one)}
        self.double = {one for one in ledger.sent if found.get(one, 0) > 1}
        assert not self.lost, f"{len(self.lost)} lost: {sorted(self.lost)[:SHOWN]}"
        assert not self.double, f"{len(self.double)} double: {sorted(self.double)[:SHOWN]}"
        for body in self.scene.poison:
            rows = self.scene.stack.ask("SELECT 1 FROM ingestion_rejectedevent WHERE body = %s", [body])
            assert len(rows) == 1, f"{body!r} is among the rejected events {len(rows)} times"

    def recount_charges(self) -> None:
        """Check that charges equal those of a recount of all events."""
        assert "Charges agree" in self.scene.stack.managed("verify_charges")

    def report(self) -> Iterator[str]:
        """Yield the lines of a report."""
        ledger, stack = self.scene.traffic.ledger, self.scene.stack
        ((duplicates,),) = stack.ask("SELECT coalesce(sum(duplicates), 0) FROM events_usagehour")
        ((rejected,),) = stack.ask("SELECT count(*) FROM ingestion_rejectedevent")
        yield f"requests    {ledger.requests:>8,}"
        yield f"events      {len(ledger.sent):>8,}  ({rejected:,} of them rejected, as they had to be)"
        yield f"retries     {ledger.retries:>8,}"
        yield f"duplicates  {duplicates:>8,}"
        yield "answers     " + ", ".join(
            f"{name}: {count:,}" for name, count in sorted(ledger.answers.items())
        )
        yield f"faults      {sum(self.faults.values()):>8,}"
        for name, count in sorted(self.faults.items()):
            yield f"  {name:<24} {count:>3}, drained at most {self.slowest[name]:.1f} s after healing"
        yield from (f"{name}: {said}" for name, said in sorted(self.scene.notes.items()))
        yield f"lost        {len(self.lost):>8,}"
        yield f"double      {len(self.double):>8,}"

    def _is_drained(self) -> bool:
        return self.scene.stack.ask("SELECT 1 FROM ingestion_inboxrequest LIMIT 1") == []


@contextmanager
def prepared(seed: int) -> Iterator[Trial]:
    """Start a trial on a new stack."""
    with stacks.running() as stack:
        yield Trial(Scene(stack, Traffic(stack.port, stack.key, Maker(seed))))


def at_random(trial: Trial, seconds: float, seed: int) -> Iterator[Fault]:
    """Inject faults for the given time, each once before any is repeated. Yield each when it is healed."""
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    while True:
        names = sorted(FAULTS)
        chance.shuffle(names)
        for name in names:
            if time.monotonic() >= until:
                return
            trial.undergo(FAULTS[name])
            yield FAULTS[name]
