"""Accounts by owner, source and day (UTC): received = stored + duplicates + rejected + waiting."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection
from psycopg.sql import SQL

NOT_FILED = "(not filed yet)"  # the source of waiting events is known once they are filed


class AccountKey(NamedTuple):
    """The owner, source and day of an account."""

    owner_id: int
    owner: str
    source_id: int | None  # None: waiting
    source: str
    day: date


@dataclass(frozen=True)
class Account:
    """The events of an owner, source and day, by what became of them."""

    key: AccountKey
    received: int
    stored: int
    duplicates: int
    rejected: int
    waiting: int
    replayable: int  # rejected events that are stored
    discarded: int
    warnings: int  # of soft fields

    @property
    def difference(self) -> int:
        """Received events that are nowhere."""
        return self.received - self.stored - self.duplicates - self.rejected - self.waiting

    @property
    def lost(self) -> int:
        """Events that count as rejected, but are neither stored as such nor discarded."""
        return self.rejected - self.replayable - self.discarded

    @property
    def balances(self) -> bool:
        """True if every event is accounted for."""
        return not self.difference and not self.lost


# Waiting events were received but aren't counted yet, so they are added to both sides. One statement reads
# all in one snapshot: an event that is being filed is either waiting or counted.
_ACCOUNTS = """
WITH counted AS (
    SELECT owner_id, source_id, (hour AT TIME ZONE 'UTC')::date AS day, sum(received) AS received,
           sum(stored) AS stored, sum(duplicates) AS duplicates, sum(rejected) AS rejected,
           0 AS waiting, 0 AS replayable, 0 AS discarded, 0 AS warnings
    FROM events_usagehour WHERE {scope} hour >= %(since)s AND hour < %(until)s GROUP BY 1, 2, 3
  UNION ALL
    SELECT owner_id, source_id, (received_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, count(*), 0, 0
    FROM ingestion_rejectedevent
    WHERE {scope} received_at >= %(since)s AND received_at < %(until)s GROUP BY 1, 2, 3
  UNION ALL
    SELECT owner_id, source_id, (received_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0, count(*), 0
    FROM ingestion_discardedevent
    WHERE {scope} received_at >= %(since)s AND received_at < %(until)s GROUP BY 1, 2, 3
  UNION ALL
    SELECT owner_id, source_id, (hour AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0, 0, sum(count)
    FROM events_warninghour WHERE {scope} hour >= %(since)s AND hour < %(until)s GROUP BY 1, 2, 3
  UNION ALL
    SELECT owner_id, NULL::bigint, (received_at AT TIME ZONE 'UTC')::date, sum(events), 0, 0, 0, sum(events),
           0, 0, 0
    FROM ingestion_inboxrequest
    WHERE {scope} received_at >= %(since)s AND received_at < %(until)s GROUP BY 1, 2, 3
)
SELECT counted.owner_id, owner.name, counted.source_id, coalesce(source.name, %(waiting)s), counted.day,
       sum(received), sum(stored), sum(duplicates), sum(rejected), sum(waiting), sum(replayable),
       sum(discarded), sum(warnings)
FROM counted JOIN events_owner owner ON owner.id = counted.owner_id
LEFT JOIN events_source source ON source.id = counted.source_id
GROUP BY 1, 2, 3, 4, 5
HAVING sum(received) <> 0 OR sum(rejected) <> 0 OR sum(replayable) <> 0 OR sum(warnings) <> 0
"""


def accounts(owners: Collection[int] | None, since: datetime, until: datetime) -> list[Account]:
    """Return the accounts of owners (None: of all) in a period.

    Those that don't balance come first, then those with most rejected events, then the largest.
    """
    scope = SQL("") if owners is None else SQL("owner_id = ANY(%(owners)s) AND")
    with connection.cursor() as cursor:
        cursor.execute(
            SQL(_ACCOUNTS).format(scope=scope),
            {"owners": sorted(owners or ()), "since": since, "until": until, "waiting": NOT_FILED},
        )
        found = [Account(AccountKey(*row[:5]), *map(int, row[5:])) for row in cursor.fetchall()]
    return sorted(found, key=_worst_first)


def _worst_first(account: Account) -> tuple[object, ...]:
    return (
        -abs(account.difference) - abs(account.lost),
        -account.rejected,
        -account.waiting,
        -account.warnings,
        -account.received,
        account.key.owner,
        account.key.day,
        account.key.source,
    )
