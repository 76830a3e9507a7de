"""Verification of charges against a recount of the events, a new computation, and their daily sums."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction

from events.lib.sql import Fetched
from events.ownership.owner import Organization
from events.store.usage import hour_of
from reports.cost.charges import HOUR, BillingMonth
from reports.cost.charging import charge_tables, terms, usage
from reports.cost.charging.updating import stage_month, update_charges

SHOWN = 10
TRIES = 3


class Difference(NamedTuple):
    """Rows that disagree."""

    what: str
    rows: list[Fetched]


# The charges of an hour, corrections included, against the events received in it.
_RECOUNT = """
WITH charged AS (
    SELECT owner_id, source_id, kind, dialect, hour,
           sum(consumed) FILTER (WHERE meter = 'events') AS events,
           sum(consumed) FILTER (WHERE meter = 'ingested') * 1000000000 AS bytes,
           coalesce(sum(wire_bytes), 0) AS wire
    FROM cost_charge WHERE meter IN ('events', 'ingested') AND owner_id = ANY(%s)
    GROUP BY 1, 2, 3, 4, 5
), found AS (
    SELECT owner_id, source_id, kind, dialect, date_trunc('hour', received_at, 'UTC') AS hour,
           count(*) AS events, sum(billed_bytes) AS bytes, sum(wire_bytes) AS wire
    FROM events_event WHERE owner_id = ANY(%s) GROUP BY 1, 2, 3, 4, 5
), gone AS (
    SELECT owner_id, source_id, kind, dialect, hour, gone AS events, gone_bytes AS bytes,
           gone_wire_bytes AS wire
    FROM events_usagehour WHERE gone > 0 AND owner_id = ANY(%s)
), free AS (
    SELECT owner_id, source_id, kind, dialect, hour, -free AS events, -free_bytes AS bytes,
           -free_wire_bytes AS wire
    FROM events_usagehour WHERE free > 0 AND owner_id = ANY(%s)
), counted AS (
    SELECT owner_id, source_id, kind, dialect, hour, sum(events) AS events, sum(bytes) AS bytes,
           sum(wire) AS wire
    FROM (SELECT * FROM found UNION ALL SELECT * FROM gone UNION ALL SELECT * FROM free) all_of_them
    GROUP BY 1, 2, 3, 4, 5
)
SELECT owner_id, source_id, kind, dialect, hour, c.events, n.events, c.bytes, n.bytes, c.wire, n.wire
FROM charged c FULL JOIN counted n USING (owner_id, source_id, kind, dialect, hour)
WHERE (coalesce(c.events, 0), coalesce(c.bytes, 0), coalesce(c.wire, 0))
    <> (coalesce(n.events, 0), coalesce(n.bytes, 0), coalesce(n.wire, 0))
LIMIT %s
"""

_SUMS = """
SELECT coalesce(h.billing_month_id, d.billing_month_id), coalesce(h.owner_id, d.owner_id), h.cost, d.cost
FROM (SELECT billing_month_id, owner_id, sum(cost) AS cost, sum(quantity) AS quantity FROM cost_charge
      GROUP BY 1, 2) h
FULL JOIN (SELECT billing_month_id, owner_id, sum(cost) AS cost, sum(quantity) AS quantity
           FROM cost_chargeday GROUP BY 1, 2) d USING (billing_month_id, owner_id)
WHERE (h.cost, h.quantity) IS DISTINCT FROM (d.cost, d.quantity) LIMIT %s
"""


class VerificationResult(NamedTuple):
    """The differences found, and what was compared."""

    found: list[Difference]
    months: int
    cost: Decimal


def verify(now: datetime) -> VerificationResult:
    """Bring charges up to date, then compare them with events, usage and each other in one snapshot.

    The events of an hour are the stored ones plus those counted as removed since. Events filed between
    update and snapshot would differ, so a comparison that finds differences is repeated.
    """
    for _ in range(TRIES - 1):
        verified = _verify(now)
        if not verified.found:
            return verified
    return _verify(now)


def _verify(now: datetime) -> VerificationResult:
    for organization in Organization.objects.order_by("pk"):
        update_charges(organization.pk, now)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL statement_timeout = 0")
        return examine(now)


def examine(now: datetime) -> VerificationResult:
    """Compare everything, in the caller's transaction."""
    found: list[Difference] = []
    months = list(BillingMonth.objects.select_related("organization").order_by("organization", "month"))
    for organization in Organization.objects.order_by("pk"):
        owners = usage.owners_with_usage(organization.pk)
        if not owners:
            continue
        found += _difference("charges and events disagree", _query(_RECOUNT, [*[owners] * 4, SHOWN]))
        own = [month for month in months if month.organization_id == organization.pk]
        found += _recomputed(own, owners, now)
    found += _difference("charges and their daily sums disagree", _query(_SUMS, [SHOWN]))
    (cost,) = _query("SELECT coalesce(sum(cost), 0) FROM cost_chargeday", [])[0]
    return VerificationResult(found, len(months), cost)


def _recomputed(months: list[BillingMonth], owners: list[int], now: datetime) -> Iterator[Difference]:
    every = [month.pk for month in months]
    for month in months:
        until = min(month.until, hour_of(now) + HOUR)
        stage_month(
            month,
            terms.load_terms(month.organization_id),
            owners,
            max(until, month.charged_until or until),
        )
        rows = charge_tables.staged_differences(month, every, SHOWN)
        yield from _difference(f"{month}: charges and a computation disagree", rows)


def _difference(what: str, rows: list[Fetched]) -> Iterator[Difference]:
    if rows:
        yield Difference(what, rows)


def _query(statement: str, values: Sequence[Any]) -> list[Fetched]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
