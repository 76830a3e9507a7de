"""Erasure of an actor from everything that Tally stores.

Waiting requests are filed first. Passes then delete events and rejected events until a pass finds none, so
events that arrive or are replayed during a pass are found by the next. Sessions are summarised again, and
each part that stores more than events erases the actor (`events.ownership.erased`). An erasure can be
interrupted and run again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from events.accounts import audit
from events.ownership import erased as erased_
from events.ownership.owner import Owner
from events.sessions import claiming, removal, summarising
from events.sessions.session import LargeSession
from events.store import erasing
from events.store.retention import weeks
from ingestion.erasure import actors
from ingestion.erasure.erased_ids import ErasedIds
from ingestion.filing.drain import drain
from ingestion.receiving.inbox import InboxRequest

PASSES = 5
FILING_SECONDS = 60.0
SUMMARISE_SECONDS = 60.0
Progress = Callable[[int], object]  # called with the number of events deleted


@dataclass
class Done:
    """Result of an erasure."""

    events: int = 0
    rejected: int = 0
    sessions: int = 0  # that outlived their events
    others: dict[str, int] = field(default_factory=dict)  # changed by the steps of other parts
    is_complete: bool = False  # False: the sender kept sending, or rejected events were being replayed

    def counts(self) -> dict[str, int]:
        """Return the counts for the audit trail."""
        counts = {"events": self.events, "rejected": self.rejected, **self.others}
        return counts | ({"kept_sessions": self.sessions} if self.sessions else {})


def file_waiting(owner: Owner) -> int:
    """File the requests that wait now; return the number of the owner's requests that still wait."""
    last = InboxRequest.objects.aggregate(last=Max("pk"))["last"] or 0
    until = time.monotonic() + FILING_SECONDS
    while True:
        drain(seconds=until - time.monotonic())
        waiting = InboxRequest.objects.filter(owner=owner, pk__lte=last).count()
        if not waiting or time.monotonic() >= until:
            return waiting
        time.sleep(0.2)  # a worker is filing them


def found(owner: Owner, actor: str) -> dict[datetime, int]:
    """Return the number of an actor's events by week, without empty weeks."""
    counts = {}
    for week in weeks():
        with transaction.atomic():
            erasing.patiently()
            if count := erasing.of_actor(owner, actor, week).count():
                counts[week] = count
    return counts


def erase(owner: Owner, actor: str, by: audit.Actor, now: datetime, progress: Progress) -> Done:
    """Erase an actor. The audit trail records the counts even if the erasure is interrupted."""
    called = actors.fingerprint(owner, actor)
    audit.record(by, "actor.erasure_begun", called, owner=owner)
    done = Done()
    try:
        _Erasing(owner, actor, by, now, done, progress, ErasedIds(owner, called)).run()
    finally:
        audit.record(by, "actor.erased", called, owner=owner, after=done.counts())
    return done


@dataclass
class _Erasing:
    """One erasure in progress."""

    owner: Owner
    actor: str
    by: audit.Actor
    now: datetime
    done: Done
    progress: Progress
    own: ErasedIds

    def run(self) -> None:
        for _ in range(PASSES):
            if not self._pass():
                self.done.is_complete = True
                break
        self._summarise()
        named = actors.erased(self.owner, self.actor)
        self.done.sessions = removal.erase_actor(
            self.owner, named.names, self.own.note, any_case=named.any_case
        )
        own = [self._only_theirs(column, ids) for column, ids in self.own.found.items()]
        forgotten = actors.erased(self.owner, self.actor, frozenset[str]().union(*own))
        LargeSession.objects.filter(owner=self.owner, session__in=own[0]).delete()
        LargeSession.objects.filter(owner=self.owner, device__in=own[1]).delete()
        self.done.others = erased_.forget(forgotten, self.now)
        if self.done.is_complete:
            self.own.forget()

    def _pass(self) -> int:
        """Delete what is stored now; return how much there was, including what is busy at the moment."""
        left = file_waiting(self.owner)
        before = self.done.events
        for week in weeks():
            for batch in erasing.erase_week(self.owner, self.actor, week, self.now, self.own.note):
                self.done.events += len(batch)
                self.progress(len(batch))
        gone, busy = actors.erase_rejected(self.owner, self.actor, self.by.name, self.now)
        self.done.rejected += gone
        return self.done.events - before + gone + busy + left

    def _only_theirs(self, column: str, ids: set[str]) -> frozenset[str]:
        theirs = erasing.only_theirs(self.owner, column, ids)
        return theirs - removal.ids_in_sessions(self.owner, column, theirs)

    def _summarise(self) -> None:
        """Summarise the changed sessions; after a minute the worker does the rest."""
        claiming.resume(self.now, [self.owner.pk])
        until = time.monotonic() + SUMMARISE_SECONDS
        while claiming.pending_rows([self.owner.pk]) and time.monotonic() < until:
            if not summarising.summarise_pending(seconds=until - time.monotonic()).keys:
                time.sleep(0.2)  # a worker is summarising the rest
