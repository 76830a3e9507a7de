"""Taking a request apart: its events are filed one by one, and what can't be filed is a rejected event."""

import logging
from collections.abc import Sequence

from django.db import connection, transaction

from events.ownership.owner import Owner
from events.wire.validators import Fault
from ingestion.dialects.decoding import Accepted, Rejected, decode
from ingestion.dialects.readings import READINGS
from ingestion.filing import failures, pipeline
from ingestion.filing.pipeline import Drained
from ingestion.receiving.inbox import Claim

log = logging.getLogger(__name__)


def file_apart(claim: Claim, *, reject_failures: bool = False) -> Drained:
    """File a request whose events could not be filed together, in the caller's transaction.

    Raises if the database fails, unless `reject_failures` rejects the event then, and if even a rejected
    event can't be filed.
    """
    owners = pipeline.owners_of([claim])
    result = Drained(requests=1)
    for verdict in _verdicts(claim):
        result += _file_event(claim, verdict, owners, reject_failures=reject_failures)
    return result


def give_up(claim: Claim) -> Drained:
    """Reject a request as a whole, without a look at it: its workers died of it, for all we know."""
    log.error("Request is given up", extra={"request": claim.id})
    rejected = _unfileable(
        0, claim.parts.body, "The request was given up: it was tried often, and each time in vain."
    )
    return Drained(requests=1) + pipeline.file_verdicts([(claim, rejected)], pipeline.owners_of([claim]))


def _verdicts(claim: Claim) -> Sequence[Accepted | Rejected]:
    """The verdicts on a request; one that can't even be decoded is rejected as a whole."""
    try:
        return decode(claim.parts, READINGS[claim.parts.dialect])
    except Exception as error:
        log.exception("Request can't be decoded", extra={"request": claim.id})
        reason = f"The request could not be decoded: {type(error).__name__}."
        return [_unfileable(0, claim.parts.body, reason)]


def _file_event(
    claim: Claim, verdict: Accepted | Rejected, owners: dict[int, Owner], *, reject_failures: bool
) -> Drained:
    try:
        with transaction.atomic():
            return pipeline.file_verdicts([(claim, verdict)], owners)
    except Exception as error:
        if failures.is_the_databases(error) and not (reject_failures and connection.is_usable()):
            raise
        log.exception("Event can't be filed", extra={"request": claim.id, "index": verdict.index})
        reason = f"The event could not be filed: {type(error).__name__}."
    rejected = _unfileable(verdict.index, verdict.raw, reason)
    return pipeline.file_verdicts([(claim, rejected)], owners)


def _unfileable(index: int, raw: bytes, reason: str) -> Rejected:
    return Rejected(index, raw, Fault("unfileable", "", reason))
