"""Summarising: computes the sessions of pending keys, a block at a time, each block in one transaction.

**Nothing is missed.** The drain commits events together with their row of TouchedSession. A block deletes the
rows it claimed, and reads the events in a later statement. Under READ COMMITTED, that statement sees
everything committed before it began, so at least the events of the deleted rows. Events committed later have
their own row, which is still pending. If a worker is killed, rows and summaries stay as they were.

**Nothing is computed twice at once.** Each key is locked until the transaction ends (`claiming`). The next
holder reads after that, so it never replaces a summary by an older one.

**What is read.** A session is computed from all its events, over its stored span joined with that of the
new events. Sessions cut by inactivity are computed over all stored sessions that the new events come within
thirty minutes of: stored sessions of a key are never closer to each other than that, so what a new event can
change lies in that window.

**Large sessions.** A block reads no more than LARGE events of a key. A key that has more is put into
LargeSession and computed alone, in a transaction of its own, after the small ones; its events are streamed,
never held. It is then deferred for REST times as long as that took, so no session costs more than a tenth of
one worker's time, however often it gets events.
"""

import logging
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone

from events.identity import moment
from events.sessions import claiming, writing
from events.sessions.claiming import Claim, Owners
from events.sessions.keys import Names
from events.sessions.reading import read
from events.sessions.record import Record
from events.sessions.summary import INACTIVITY_MS, cut
from events.sessions.windows import Affected, affected
from events.sessions.writing import ComputedSession
from events.store import pending
from events.store.pending import QUARTER_MS, Quarter, quarter_at

log = logging.getLogger(__name__)
LARGE = 10_000  # most events of a key that is computed together with others
REST = 9
FAST = 1.0  # seconds; after a faster block comes a larger one, since its statements cost the same
MOST_ROWS = 4_000  # of a block
WRITTEN = 2_000  # sessions and pages that are written at once
FAULT_RESTS = timedelta(hours=1)
FORGOTTEN = timedelta(days=1)  # a large key without new events for this long counts as small again
AT_ONCE = timedelta()


@dataclass(frozen=True, slots=True)
class Summarised:
    """The result of a block."""

    keys: int = 0
    rows: int = 0  # of TouchedSession

    def __add__(self, other: "Summarised") -> "Summarised":
        return Summarised(self.keys + other.keys, self.rows + other.rows)


def summarise_block(now: datetime, owners: Owners = None, rows: int = claiming.ROWS) -> Summarised:
    """Compute the keys of a block, none of them large. An empty result means that no free key is pending.

    Keys that turn out to be large may be computed from `now` on.
    """
    with transaction.atomic():
        claims = claiming.claim_small(owners, rows)
        if not claims:
            return Summarised()
        try:
            with transaction.atomic():
                left = [(claim, AT_ONCE) for claim in _compute(claims, LARGE)]
        except OperationalError:
            raise  # a problem of the database, not of a session
        except Exception:
            log.exception("Sessions can't be summarised together; retrying one by one")
            left = [(claim, rests) for claim in claims if (rests := _alone(claim, LARGE)) is not None]
        for claim, rests in left:
            claiming.requeue(claim)
            claiming.defer(claim, now + rests)
        return _done(claims)


def _alone(claim: Claim, most: int | None) -> timedelta | None:
    """Compute a single key, so that a failure affects no other.

    Returns the time to defer it before the next attempt, or None if it was computed.
    """
    try:
        with transaction.atomic():
            return AT_ONCE if _compute([claim], most) else None
    except OperationalError:
        raise
    except Exception:
        log.exception("Session can't be summarised", extra={"session": str(claim.number)})
        return FAULT_RESTS


def summarise_large(now: datetime, owners: Owners = None) -> Summarised:
    """Compute one large key that is no longer deferred at `now`."""
    began = time.monotonic()
    with transaction.atomic():
        claims = claiming.claim_large(now, owners)
        for claim in claims:
            rests = _alone(claim, None)
            if rests is not None:
                claiming.requeue(claim)
            else:
                rests = REST * timedelta(seconds=time.monotonic() - began)
            claiming.defer(claim, timezone.now() + rests)
        return _done(claims)


def _done(claims: Sequence[Claim]) -> Summarised:
    return Summarised(len(claims), sum(len(claim.spans) for claim in claims))


def _compute(claims: Sequence[Claim], most: int | None) -> list[Claim]:
    """Compute and write the sessions of keys, and return the keys with more than `most` events.

    The stored sessions of the returned keys stay unchanged.
    """
    # The number of any other key is the id of its session.
    names = Names.of(claim.key for claim in claims if claim.key.session is None)
    windows = affected(claims)
    unseen = dict(enumerate(windows))
    large: dict[UUID, Claim] = {}
    writer = _Writer()
    beyond = None if most is None else most + 1
    # Closed before a failed savepoint is rolled back, which destroys the cursor.
    with closing(read([each.window for each in windows], beyond)) as stream:
        for index, rows in groupby(stream, itemgetter(0)):
            each = unseen.pop(index)
            made = _sessions(each, (record for _, record in rows), names)
            if most is not None:
                whole = list(made)
                if sum(session.summary.events for session in whole) > most:
                    large[each.claim.number] = each.claim
                    continue
                made = iter(whole)
            writer.write(each, made)
    for each in unseen.values():  # without events any more
        writer.write(each, iter(()))
    writer.flush()
    return list(large.values())


def _sessions(each: Affected, records: Iterator[Record], names: Names) -> Iterator[ComputedSession]:
    key = each.claim.key
    if key.session is not None:
        for summary in cut(records, None):
            yield ComputedSession(each.claim.number, key, summary)
        return
    for summary in cut(records, INACTIVITY_MS):
        yield ComputedSession(names.session(key, summary.first.id), key, summary)


class _Writer:
    """Collects sessions, to write many at once."""

    def __init__(self) -> None:
        self._made: list[ComputedSession] = []
        self._rows = 0
        self._quarters: set[Quarter] = set()
        self._known: set[UUID] = set()

    def write(self, each: Affected, sessions: Iterator[ComputedSession]) -> None:
        """Write the sessions of a window in order, and remove those that they replace."""
        begins: list[datetime] = []
        ids: list[UUID] = []
        owner = each.claim.key.owner_id
        # The quarters in which sessions begin, and in which the replaced ones began.
        for stored in each.stored:
            self._known.add(stored.id)
            self._quarters.add((owner, quarter_at(stored.started_at)))
        for made in sessions:
            began_ms = made.summary.first.occurred_ms
            self._quarters.add((owner, began_ms // QUARTER_MS))
            if each.stored:
                begins.append(moment(began_ms))
                ids.append(made.id)
            self._made.append(made)
            self._rows += 1 + len(made.summary.pages)
            if self._rows >= WRITTEN:
                self.flush()
        kept = set(ids)
        gone = [stored for stored in each.stored if stored.id not in kept]
        if gone:
            # A removed session redirects to the one that contains its first event.
            heirs = {
                stored.id: ids[place - 1]
                for stored in gone
                if (place := bisect_right(begins, stored.started_at)) > 0
            }
            writing.remove([stored.id for stored in gone], heirs)

    def flush(self) -> None:
        """Write the collected sessions."""
        writing.save(self._made, self._known)
        pending.add_quarters(self._quarters, of_sessions=True)
        self._made.clear()
        self._rows = 0
        self._quarters.clear()


def summarise_pending(*, seconds: float) -> Summarised:
    """Compute pending sessions, small keys before large ones, until none is left or the time is up."""
    until = time.monotonic() + seconds
    total, rows = Summarised(), claiming.ROWS
    claiming.forget_large(timezone.now() - FORGOTTEN)
    while (began := time.monotonic()) < until:
        block = summarise_block(timezone.now(), rows=rows)
        is_fast = time.monotonic() - began < FAST
        rows = min(2 * rows, MOST_ROWS) if is_fast else max(rows // 2, claiming.ROWS)
        if not block.keys:
            block = summarise_large(timezone.now())
        if not block.keys:
            break
        total += block
    return total
