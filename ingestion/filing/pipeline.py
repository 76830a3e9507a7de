"""Claims: requests that a worker has taken, decoded, filed and counted in the caller's transaction."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from events.enrichment import facts_of
from events.enrichment.facts import Facts
from events.identity import by_week, moment, position_identity
from events.ownership import senders
from events.ownership.api_key import ApiKey
from events.ownership.owner import Organization, Owner
from events.partitioned.partitions import WEEK, make_partitions, missing_partitions
from events.store import filing, retention, usage
from events.store.submission import Row, Submission
from events.store.usage import UsageDelta
from events.wire.validators import Fault
from ingestion.dialects.decoding import (
    IDEMPOTENCY_KEY,
    OVER_QUOTA,
    Accepted,
    Parts,
    Reading,
    Rejected,
    decode,
    rejected,
    text_at,
)
from ingestion.dialects.readings import READINGS
from ingestion.receiving.inbox import Claim
from ingestion.rejected import writing
from ingestion.rejected.writing import DeadLetter


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of requests."""

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


def file(claims: Sequence[Claim]) -> Drained:
    """File requests, each of their events as decoding finds it."""
    verdicts = [
        (claim, verdict) for claim in claims for verdict in decode(claim.parts, READINGS[claim.parts.dialect])
    ]
    return Drained(requests=len(claims)) + file_verdicts(verdicts, owners_of(claims))


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


OWNER_GONE = "The owner and the API key were deleted before the event was filed."


def deleted_owner() -> Owner:
    """Return the owner for events of deleted owners, in an organization that only operators see."""
    organization, _ = Organization.objects.get_or_create(
        slug="deleted-owners", defaults={"name": "Deleted owners"}
    )
    return Owner.objects.get_or_create(organization=organization, name="Deleted owners")[0]


def file_verdicts(verdicts: Sequence[tuple[Claim, Accepted | Rejected]], owners: dict[int, Owner]) -> Drained:
    """File what decoding made of requests, and count it."""
    submissions, letters = [], []
    facts: dict[int, Facts] = {}
    sealed = _sealed_until(found for _, found in verdicts)
    for claim, found in verdicts:
        owner, verdict = owners.get(claim.owner_id), found
        if owner is None:
            owner = deleted_owner()
            verdict = Rejected(found.index, found.raw, Fault("owner_gone", "", OWNER_GONE))
        if sealed is not None:
            verdict = refuse_before(sealed, verdict, READINGS[claim.parts.dialect])
        if isinstance(verdict, Accepted):
            if claim.id not in facts:
                facts[claim.id] = facts_of(claim.parts.context)
            submissions.append(submission(claim, owner, verdict, facts[claim.id]))
        else:
            letters.append(DeadLetter(owner, claim.parts, verdict))
    tally = UsageDelta()
    rows = filing.rows_of(submissions)
    ensure_partitions(rows)
    stored = filing.file(rows, tally, timezone.now())
    writing.file(letters, tally)
    usage.apply_delta(tally)
    senders.note_use(_uses(claim for claim, _ in verdicts))
    duplicates = sum(counter["duplicates"] for counter in tally.usage.values())
    return Drained(stored=stored, duplicates=duplicates, rejected=len(verdicts) - stored - duplicates)


def _sealed_until(verdicts: Iterable[Accepted | Rejected]) -> datetime | None:
    """Return up to when events can't be filed, since those of their time were removed; None where no event is
    so old that it matters.
    """
    oldest = min((each.occurred_ms for each in verdicts if isinstance(each, Accepted)), default=None)
    if oldest is None or moment(oldest) > timezone.now() - WEEK:
        return None
    return retention.sealed_until()


def refuse_before(since: datetime, verdict: Accepted | Rejected, reading: Reading) -> Accepted | Rejected:
    """Return the verdict with regard to since when events are kept: none of a removed week comes back."""
    if isinstance(verdict, Rejected) or moment(verdict.occurred_ms) >= since:
        return verdict
    path = reading.time_path
    what = path or "The time of receipt"
    fault = Fault("too_old", path, f"{what} is before {since:%Y-%m-%d}; older events have been removed.")
    return rejected(verdict.index, verdict.raw, fault, verdict.event, reading)


def _uses(claims: Iterable[Claim]) -> dict[int, datetime]:
    """When each of the keys was used last."""
    uses: dict[int, datetime] = {}
    for claim in claims:
        if claim.key_id is not None:
            received_at = claim.parts.received_at
            uses[claim.key_id] = max(received_at, uses.get(claim.key_id, received_at))
    return uses


def submission(claim: Claim, owner: Owner, accepted: Accepted, facts: Facts) -> Submission:
    """An accepted event of a request, for the store."""
    parts: Parts = claim.parts
    reading = READINGS[parts.dialect]
    outside = parts.context.get(IDEMPOTENCY_KEY)
    # As it was sent: escaped, two ids that differ could become one.
    sent = text_at(accepted.original, reading.id_path)
    identity = sent or outside or position_identity(claim.id, accepted.index)
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


def ensure_partitions(rows: Sequence[Row]) -> None:
    """Make the partitions that late events need; rows are sorted by id.

    On a connection of its own: a partition is to be there for all at once, and must not wait for this
    transaction.
    """
    wanted = {week for week, _ in by_week([made.id for made in rows])}
    if not wanted or not missing_partitions(wanted):
        return
    aside = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        make_partitions(wanted, aside)
    finally:
        aside.close()
