"""The filing pipeline: the steps of claimed requests from the inbox to the store, in one transaction.

    claim          lock requests of the inbox                          claims.py
    decode         a verdict on each event                             ingestion/dialects/decoding.py
    enrich         make rows of accepted events                        events/store/submission.py
    isolate        file one by one what can't be filed together        isolation.py
    write          copy rows into the tables, each event once          events/store/filing.py
    count          add to usage, warnings and versions                 events/store/usage.py
    mark pending   queue sessions and quarters to be computed again    events/store/pending.py

`file` takes claimed requests through decoding and `file_verdicts` through the rest; `drain.py` claims, and
isolates requests on which these fail. Writing marks sessions and quarters as pending.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from events.enrichment import facts_of
from events.enrichment.facts import Facts
from events.identity import by_week, moment, occurred_ms, position_identity
from events.ownership import senders
from events.ownership.api_key import ApiKey
from events.ownership.owner import Organization, Owner
from events.partitioned.partitions import WEEK, make_partitions, missing_partitions
from events.store import filing, retention, usage
from events.store.submission import Row, Submission
from events.store.usage import UsageDelta
from events.wire.validators import Fault
from ingestion.dialects import decoding
from ingestion.dialects.decoders import DECODERS
from ingestion.dialects.decoding import (
    EVENT_ID,
    IDEMPOTENCY_KEY,
    IDENTITY,
    OVER_QUOTA,
    WIRE_BYTES,
    Accepted,
    Decoder,
    Payload,
    Rejected,
    rejected,
    text_at,
)
from ingestion.filing.claims import Claim
from ingestion.rejected import writing
from ingestion.rejected.writing import Rejection

Verdict = Accepted | Rejected
OWNER_GONE = "The owner and the API key were deleted before the event was filed."


@dataclass(frozen=True, slots=True)
class Filed:
    """The number of filed requests and of their events."""

    requests: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0

    def __add__(self, other: "Filed") -> "Filed":
        return Filed(
            self.requests + other.requests,
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
        )


def file(claims: Sequence[Claim]) -> Filed:
    """File all events of claimed requests, in the caller's transaction."""
    verdicts = [(claim, verdict) for claim in claims for verdict in decode(claim.payload)]
    return Filed(requests=len(claims)) + file_verdicts(verdicts, owners_of(claims))


def file_verdicts(verdicts: Sequence[tuple[Claim, Verdict]], owners: dict[int, Owner]) -> Filed:
    """File events with their verdicts, in the caller's transaction."""
    accepted, rejections = enrich(verdicts, owners)
    delta = UsageDelta()
    stored = write(accepted, rejections, delta)
    count(delta, (claim for claim, _ in verdicts))
    duplicates = sum(counter["duplicates"] for counter in delta.usage.values())
    return Filed(stored=stored, duplicates=duplicates, rejected=len(verdicts) - stored - duplicates)


def decode(payload: Payload) -> list[Verdict]:
    """Return the verdicts that the sender was told."""
    return decoding.decode(payload, DECODERS[payload.dialect])


def enrich(
    verdicts: Sequence[tuple[Claim, Verdict]], owners: dict[int, Owner]
) -> tuple[list[Row], list[Rejection]]:
    """Make rows of accepted events. Events without an owner, or of removed weeks, are rejected after all."""
    submissions, rejections = [], []
    facts: dict[int, Facts] = {}
    sealed = _sealed_until(verdict for _, verdict in verdicts)
    for claim, found in verdicts:
        owner, verdict = owners.get(claim.owner_id), found
        if owner is None:
            owner = deleted_owner()
            verdict = Rejected(found.index, found.raw, Fault("owner_gone", "", OWNER_GONE))
        if sealed is not None:
            verdict = reject_before(sealed, verdict, DECODERS[claim.payload.dialect])
        if isinstance(verdict, Accepted):
            if claim.id not in facts:
                facts[claim.id] = facts_of(claim.payload.context)
            submissions.append(submission(claim, owner, verdict, facts[claim.id]))
        else:
            rejections.append(Rejection(owner, claim.payload, verdict))
    return filing.rows_of(submissions), rejections


def write(rows: Sequence[Row], rejections: Sequence[Rejection], delta: UsageDelta) -> int:
    """Write events, each once, and rejected events; return how many events were new."""
    ensure_partitions(rows)
    stored = filing.file(rows, delta, timezone.now())
    writing.write(rejections, delta)
    return stored


def count(delta: UsageDelta, claims: Iterable[Claim]) -> None:
    """Add what was written to the usage counters, and note when the keys were used."""
    usage.apply_delta(delta)
    senders.note_use(_uses(claims))


def owners_of(claims: Collection[Claim]) -> dict[int, Owner]:
    """Return the owners of requests; the key's owner if one was deleted while a web process cached it.

    If the key is gone too, the request has none, and its events are rejected (`deleted_owner`).
    """
    owners = Owner.objects.in_bulk({claim.owner_id for claim in claims})
    orphans = {
        claim.key_id: claim.owner_id for claim in claims if claim.key_id and claim.owner_id not in owners
    }
    for key in ApiKey.objects.filter(pk__in=orphans).select_related("default_owner") if orphans else ():
        owners[orphans[key.pk]] = key.default_owner
    return owners


def deleted_owner() -> Owner:
    """Return the owner for events of deleted owners, in an organization that only operators see."""
    organization, _ = Organization.objects.get_or_create(
        slug="deleted-owners", defaults={"name": "Deleted owners"}
    )
    return Owner.objects.get_or_create(organization=organization, name="Deleted owners")[0]


def _sealed_until(verdicts: Iterable[Verdict]) -> datetime | None:
    """Return the end of the removed weeks, in which nothing can be filed; None if no event is that old."""
    oldest = min((each.occurred_ms for each in verdicts if isinstance(each, Accepted)), default=None)
    if oldest is None or moment(oldest) > timezone.now() - WEEK:
        return None
    return retention.sealed_until()


def reject_before(since: datetime, verdict: Verdict, decoder: Decoder) -> Verdict:
    """Return the verdict, or a rejection of an event that occurred before the first retained week."""
    if isinstance(verdict, Rejected) or moment(verdict.occurred_ms) >= since:
        return verdict
    path = decoder.time_path
    subject = path or "The time of receipt"
    fault = Fault("too_old", path, f"{subject} is before {since:%Y-%m-%d}; older events have been removed.")
    return rejected(verdict.index, verdict.raw, fault, verdict.event, decoder)


def _uses(claims: Iterable[Claim]) -> dict[int, datetime]:
    """Return the last use of each key."""
    uses: dict[int, datetime] = {}
    for claim in claims:
        if claim.key_id is not None:
            received_at = claim.payload.received_at
            uses[claim.key_id] = max(received_at, uses.get(claim.key_id, received_at))
    return uses


def submission(claim: Claim, owner: Owner, accepted: Accepted, facts: Facts) -> Submission:
    """Return an accepted event for the store."""
    payload: Payload = claim.payload
    decoder = DECODERS[payload.dialect]
    outside = payload.context.get(IDEMPOTENCY_KEY)
    # As it was sent: escaped, two different ids could become one.
    sent = text_at(accepted.original, decoder.id_path)
    identity = sent or outside or payload.context.get(IDENTITY) or position_identity(claim.id, accepted.index)
    number = None if sent or outside else _number(payload.context.get(EVENT_ID), accepted.occurred_ms)
    return Submission(
        owner=owner,
        kind=accepted.kind,
        event=accepted.event,
        original=accepted.original,
        soft=accepted.kind.held(strict=payload.strict, encoding=payload.encoding).soft,
        adaptations=accepted.adaptations,
        absent=accepted.absent,
        occurred_ms=accepted.occurred_ms,
        received_at=payload.received_at,
        wire_bytes=int(payload.context.get(WIRE_BYTES, 0)) or len(accepted.raw),
        identity=identity,
        client_event_id=outside,
        facts=facts,
        over_quota=payload.context.get(OVER_QUOTA),
        number=number,
    )


def _number(known: str | None, ms: int) -> int | None:
    """Return the number of an imported event's id; None if it has none, or one of another time."""
    number = UUID(known).int if known else None
    return number if number is not None and occurred_ms(number) == ms else None


def ensure_partitions(rows: Sequence[Row]) -> None:
    """Create missing partitions for late events; rows are sorted by id.

    On a connection of its own: a partition must be there for everybody at once, not with this transaction.
    """
    wanted = {week for week, _ in by_week([row.id for row in rows])}
    if not wanted or not missing_partitions(wanted):
        return
    aside = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        make_partitions(wanted, aside)
    finally:
        aside.close()
