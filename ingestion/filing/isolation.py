"""Isolation of requests that can't be filed: event by event, and given up in the end."""

import logging
from collections.abc import Sequence

from django.db import connection, transaction

from events.ownership.owner import Owner
from events.wire.validators import Fault
from ingestion.dialects.decoding import Accepted, Rejected
from ingestion.filing import pipeline
from ingestion.filing.claims import Claim
from ingestion.filing.pipeline import Filed
from ingestion.filing.transactions import is_database_failure

log = logging.getLogger(__name__)


def isolate(claim: Claim, *, reject_failures: bool = False) -> Filed:
    """File the events of a request one by one, in the caller's transaction; reject those that can't be filed.

    Raises if the database fails, unless `reject_failures` rejects the event then, and if even a rejected
    event can't be written.
    """
    owners = pipeline.owners_of([claim])
    filed = Filed(requests=1)
    for verdict in _verdicts(claim):
        filed += _file_event(claim, verdict, owners, reject_failures=reject_failures)
    return filed


def give_up(claim: Claim) -> Filed:
    """Reject a request as a whole without decoding it, since its workers may have died of that."""
    log.error("Request is given up", extra={"request": claim.id})
    rejected = _unfileable(
        0, claim.payload.body, "The request was given up because every attempt to file it failed."
    )
    return Filed(requests=1) + pipeline.file_verdicts([(claim, rejected)], pipeline.owners_of([claim]))


def _verdicts(claim: Claim) -> Sequence[Accepted | Rejected]:
    """Return the verdicts on a request; one that can't even be decoded is rejected as a whole."""
    try:
        return pipeline.decode(claim.payload)
    except Exception as error:
        log.exception("Request can't be decoded", extra={"request": claim.id})
        reason = f"The request could not be decoded: {type(error).__name__}."
        return [_unfileable(0, claim.payload.body, reason)]


def _file_event(
    claim: Claim, verdict: Accepted | Rejected, owners: dict[int, Owner], *, reject_failures: bool
) -> Filed:
    try:
        with transaction.atomic():
            return pipeline.file_verdicts([(claim, verdict)], owners)
    except Exception as error:
        if is_database_failure(error) and not (reject_failures and connection.is_usable()):
            raise
        log.exception("Event can't be filed", extra={"request": claim.id, "index": verdict.index})
        reason = f"The event could not be filed: {type(error).__name__}."
    rejected = _unfileable(verdict.index, verdict.raw, reason)
    return pipeline.file_verdicts([(claim, rejected)], owners)


def _unfileable(index: int, raw: bytes, reason: str) -> Rejected:
    return Rejected(index, raw, Fault("unfileable", "", reason))
