"""Filing of imported requests: as the drain does it, but events that are stored already cost nothing.

Requests skip the inbox, quotas and rate limits, which are for senders. An event that isn't accepted is
reported, not stored as rejected. So the same file can be imported again, as after an interruption: what is
stored is neither written nor counted a second time.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from events.ownership.owner import Owner
from events.store.copying import present
from events.store.usage import UsageDelta, apply_delta
from events.wire.validators import Fault
from ingestion.dialects.decoding import Refused
from ingestion.filing import pipeline
from ingestion.filing.claims import Claim
from ingestion.filing.pipeline import Verdict
from ingestion.filing.transactions import in_transaction, is_database_failure
from ingestion.importing.reading import Read

log = logging.getLogger(__name__)
BLOCK_REQUESTS = 500
BLOCK_BYTES = 8 * 1024 * 1024


class Refusal(NamedTuple):
    """An event that can't be imported."""

    line: int
    fault: Fault


@dataclass
class Imported:
    """The result of an import."""

    stored: int = 0
    known: int = 0  # stored before
    refused: list[Refusal] = field(default_factory=list)

    def add(self, other: "Imported") -> None:
        """Add the result of a block."""
        self.stored += other.stored
        self.known += other.known
        self.refused += other.refused


def blocks(requests: Iterable[Read]) -> Iterator[list[Read]]:
    """Yield requests in blocks, as many as a transaction should hold."""
    block: list[Read] = []
    size = 0
    for each in requests:
        block.append(each)
        size += len(each.payload.body)
        if len(block) >= BLOCK_REQUESTS or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def file_block(
    block: Sequence[Read], owners: Mapping[str, Owner], *, dry_run: bool = False, is_free: bool = False
) -> Imported:
    """File a block; if that fails for another reason than the database, one request at a time."""
    try:
        return in_transaction(_file, block, owners, dry_run=dry_run, is_free=is_free)
    except Exception as error:
        if is_database_failure(error):
            raise
        if len(block) == 1:
            log.exception("An event can't be imported", extra={"line": block[0].line})
            reason = f"The event could not be filed: {type(error).__name__}."
            return Imported(refused=[Refusal(block[0].line, Fault("unfileable", "", reason))])
    total = Imported()
    for each in block:
        total.add(file_block([each], owners, dry_run=dry_run, is_free=is_free))
    return total


def _file(block: Sequence[Read], owners: Mapping[str, Owner], *, dry_run: bool, is_free: bool) -> Imported:
    result = Imported()
    verdicts: list[tuple[Claim, Verdict]] = []
    lines: dict[int, int] = {}
    for each in block:
        claim = Claim(each.number, owners[each.owner].pk, None, 0, 1, each.payload)
        if lines.setdefault(claim.id, each.line) != each.line:
            result.known += 1  # the same line again
            continue
        try:
            verdicts += [(claim, verdict) for verdict in pipeline.decode(each.payload)]
        except Refused as refused:
            result.refused.append(Refusal(each.line, Fault(refused.code, refused.path, refused.message)))
    rows, rejections = pipeline.enrich(verdicts, {owner.pk: owner for owner in owners.values()})
    by_payload = {id(claim.payload): lines[claim.id] for claim, _ in verdicts}
    result.refused += [Refusal(by_payload[id(each.payload)], each.rejected.fault) for each in rejections]
    there = present([row.id for row in rows])
    new = [row for row in {row.id: row for row in reversed(rows)}.values() if row.id not in there]
    new.reverse()  # sorted by id, with the first of each
    delta = UsageDelta()
    result.stored = len(new) if dry_run else pipeline.write(new, [], delta)
    result.known += len(rows) - result.stored
    if is_free:
        delta.make_free()
    apply_delta(delta)
    return result
