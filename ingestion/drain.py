"""The drain: from the inbox into the store, a block at a time, each block one transaction.

Whatever happens to a worker, its transaction rolls back and another takes the block. Attempts are counted
before the work in a transaction of their own; a request that has failed often is filed alone, and if it still
fails, its events one by one, so that a poisonous one harms nobody else.
"""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.utils import timezone

from events.enrichment import facts_of
from events.enrichment.facts import Facts
from events.identity import nameless, weeks
from events.ownership.api_key import ApiKey
from events.ownership.owner import Owner
from events.partitions import make_partitions, missing_partitions
from events.store import filing, usage
from events.store.submission import Row, Submission
from events.store.usage import Tally
from events.wire.validators import Fault
from ingestion import deadletters, inbox
from ingestion.deadletters import DeadLetter
from ingestion.decoding import IDEMPOTENCY_KEY, OVER_QUOTA, Accepted, Parts, Rejected, decode, text_at
from ingestion.dialects.readings import READINGS
from ingestion.inbox import Claim

log = logging.getLogger(__name__)
POISONOUS = 3  # attempts after which a request is taken apart
RETRIES = 5  # of a block that met a deadlock or a serialization failure


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of a block."""

    requests: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(
            self.requests + other.requests,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
        )


def drain_block() -> Drained:
    """File the next block; nothing claimed means nothing waits that no other worker holds."""
    ids = inbox.count_attempts(
        requests=settings.DRAIN_BLOCK_REQUESTS,
        events=settings.DRAIN_BLOCK_EVENTS,
        bytes_=settings.DRAIN_BLOCK_BYTES,
    )
    return _with_retries(ids) if ids else Drained()


def _with_retries(ids: list[int]) -> Drained:
    """File a block again where the database chose it as the victim of a deadlock."""
    for attempt in range(RETRIES):
        try:
            return _file_block(ids)
        except OperationalError as error:
            # 40001 serialization failure, 40P01 deadlock: the other transaction is through now.
            state = getattr(error.__cause__, "sqlstate", None)
            if state not in ("40001", "40P01") or attempt == RETRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _file_block(ids: list[int]) -> Drained:
    with transaction.atomic():
        claims = inbox.take(ids)
        well = [claim for claim in claims if claim.attempts <= POISONOUS]
        poisonous = [claim for claim in claims if claim.attempts > POISONOUS]
        result = _file(well) if well else Drained()
        for claim in poisonous:
            result += _file_alone(claim)
        inbox.remove([claim.id for claim in claims])
    return result


def _file_alone(claim: Claim) -> Drained:
    """File a request that has failed before: by itself, and if it fails again, its events one by one."""
    try:
        with transaction.atomic():
            return _file([claim])
    except OperationalError:
        raise  # the database's trouble, not the request's
    except Exception:
        log.exception(
            "Request fails as a whole; its events are filed one by one", extra={"request": claim.id}
        )
    owners = _owners([claim])
    result = Drained(requests=1)
    for verdict in _decode_alone(claim):
        try:
            with transaction.atomic():
                result += _file_verdicts([(claim, verdict)], owners)
        except OperationalError:
            raise
        except Exception as error:
            log.exception("Event can't be filed", extra={"request": claim.id, "index": verdict.index})
            rejected = Rejected(verdict.index, verdict.raw, _unfileable(error))
            with transaction.atomic():
                result += _file_verdicts([(claim, rejected)], owners)
    return result


def _decode_alone(claim: Claim) -> Sequence[Accepted | Rejected]:
    """The verdicts on a request that has failed; one that can't even be decoded is rejected as a whole."""
    try:
        return decode(claim.parts, READINGS[claim.parts.dialect])
    except Exception as error:
        log.exception("Request can't be decoded", extra={"request": claim.id})
        fault = Fault("unfileable", "", f"The request could not be decoded: {type(error).__name__}.")
        return [Rejected(0, claim.parts.body, fault)]


def _unfileable(error: Exception) -> Fault:
    return Fault("unfileable", "", f"The event could not be filed: {type(error).__name__}.")


def _file(claims: Sequence[Claim]) -> Drained:
    verdicts = [
        (claim, verdict) for claim in claims for verdict in decode(claim.parts, READINGS[claim.parts.dialect])
    ]
    return Drained(requests=len(claims)) + _file_verdicts(verdicts, _owners(claims))


def _owners(claims: Collection[Claim]) -> dict[int, Owner]:
    """The owners of requests; for one deleted while a web process still remembered it, the key's own."""
    owners = Owner.objects.in_bulk({claim.owner_id for claim in claims})
    orphans = {
        claim.key_id: claim.owner_id for claim in claims if claim.key_id and claim.owner_id not in owners
    }
    for key in ApiKey.objects.filter(pk__in=orphans).select_related("default_owner") if orphans else ():
        owners[orphans[key.pk]] = key.default_owner
    return owners


def _file_verdicts(
    verdicts: Sequence[tuple[Claim, Accepted | Rejected]], owners: dict[int, Owner]
) -> Drained:
    """File what decoding made of requests, and count it."""
    submissions, letters = [], []
    facts: dict[int, Facts] = {}
    for claim, verdict in verdicts:
        owner = owners[claim.owner_id]
        if isinstance(verdict, Accepted):
            if claim.id not in facts:
                facts[claim.id] = facts_of(claim.parts.context)
            submissions.append(_submission(claim, owner, verdict, facts[claim.id]))
        else:
            letters.append(DeadLetter(owner, claim.parts, verdict))
    tally = Tally()
    rows = filing.rows_of(submissions)
    _ensure_partitions(rows)
    stored = filing.file(rows, tally, timezone.now())
    deadletters.file(letters, tally)
    usage.add(tally)
    duplicates = sum(counter["duplicates"] for counter in tally.usage.values())
    return Drained(stored=stored, duplicates=duplicates, rejected=len(verdicts) - stored - duplicates)


def _submission(claim: Claim, owner: Owner, accepted: Accepted, facts: Facts) -> Submission:
    parts: Parts = claim.parts
    reading = READINGS[parts.dialect]
    outside = parts.context.get(IDEMPOTENCY_KEY)
    # As it was sent: escaped, two ids that differ could become one.
    sent = text_at(accepted.original, reading.id_path)
    identity = sent or outside or nameless(claim.id, accepted.index)
    return Submission(
        owner=owner,
        kind=accepted.kind,
        event=accepted.event,
        original=accepted.original,
        soft=accepted.kind.held(strict=parts.strict, encoding=parts.encoding).soft,
        adaptations=accepted.adaptations,
        absent=accepted.absent,
        occurred_ms=accepted.occurred_ms,
        received_at=parts.received_at,
        wire_bytes=len(accepted.raw),
        identity=identity,
        client_event_id=outside,
        facts=facts,
        over_quota=parts.context.get(OVER_QUOTA),
    )


def _ensure_partitions(rows: Sequence[Row]) -> None:
    """Make the partitions that late events need, on a connection of its own: each is to be there for all at
    once, and must not wait for this transaction.
    """
    wanted = weeks(made.id for made in rows)
    if not wanted or not missing_partitions(wanted):
        return
    aside = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        make_partitions(wanted, aside)
    finally:
        aside.close()


def drain(*, seconds: float = float("inf")) -> Drained:
    """File blocks, for `seconds` at the most, until nothing waits that no other worker holds."""
    until = time.monotonic() + seconds
    total = Drained()
    while True:
        block = drain_block()
        total += block
        if not block.requests or time.monotonic() >= until:
            return total
