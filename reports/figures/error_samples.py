"""Samples of one group of errors: the latest occurrences, with stack traces and sessions.

Read from events, since rollups have no texts. The rollup knows when the group was first and last seen. The
query goes back from the last to the first of these times and stops after a fixed number of rows
(`events.lib.paging`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Left

from events.identity import MILLISECOND
from events.kinds import KINDS
from events.kinds.base import Kind
from events.sessions.keys import Names
from events.sessions.session import Session
from events.store.pending import key_of
from reports.figures.errors import Group
from reports.figures.single_events import newest
from reports.filters import Filters
from reports.rollups.columns import has_key

SAMPLES = 50
TRACES = 3
LONGEST_TRACE = 8_000  # characters


class _Grouped(NamedTuple):
    """The columns by which an error belongs to a group, the same as in `reports.rollups.declared.errors`."""

    code: str
    type: str
    page: Callable[[Any], str | None]
    further: Q = Q()
    heavy: tuple[str, ...] = ()  # columns that are only fetched in part


_GROUPED = {
    "error": _Grouped("err", "errtype", lambda row: row.pageid, heavy=("stacktrace",)),
    "ui_action": _Grouped("label", "category", lambda row: row.url or row.category, Q(severity="error")),
}


@dataclass(slots=True)
class Sample:
    """One error."""

    id: UUID
    occurred_at: datetime
    owner_id: int
    source_id: int
    version: str | None
    actor: str | None
    session: str | None
    device: str | None
    channel: str | None
    page: str | None
    trace: str | None = None
    session_pk: UUID | None = None  # id of the session's summary


@dataclass(frozen=True, slots=True)
class Trace:
    """A stack trace, the number of samples with it, and the last of them."""

    text: str
    samples: int
    latest: Sample


def samples(filters: Filters, group: Group) -> list[Sample]:
    """Return the latest errors of the group, newest first."""
    between = (max(group.first, filters.period.since), group.latest + MILLISECOND)
    found: list[Sample] = []
    for kind, grouped in _GROUPED.items():
        if not filters.kinds or kind in filters.kinds:
            same = has_key(grouped.code, group.code) & has_key(grouped.type, group.type) & grouped.further
            rows = newest(kind, filters, SAMPLES, of_kind=same, between=between, without=grouped.heavy).rows
            found += [_sample(row, grouped.page(row)) for row in rows]
    found.sort(key=lambda sample: sample.id, reverse=True)
    found = found[:SAMPLES]
    _with_traces(found)
    _with_sessions(found)
    return found


def traces(found: Iterable[Sample]) -> list[Trace]:
    """Return the distinct stack traces of samples, the most frequent first."""
    counts: Counter[str] = Counter()
    latest: dict[str, Sample] = {}
    for sample in found:
        if sample.trace:
            counts[sample.trace] += 1
            latest.setdefault(sample.trace, sample)
    return [Trace(text, count, latest[text]) for text, count in counts.most_common(TRACES)]


def _sample(row: Kind, page: str | None) -> Sample:
    event = row.event
    return Sample(
        id=row.pk,
        occurred_at=event.occurred_at,
        owner_id=event.owner_id,
        source_id=event.source_id,
        version=event.version,
        actor=event.actor,
        session=event.session,
        device=event.device,
        channel=event.channel,
        page=page,
    )


def _with_traces(found: Sequence[Sample]) -> None:
    ids = [sample.id for sample in found]
    # PostgreSQL searches for a list of ids only in the weeks of these ids.
    rows = KINDS["error"].model._default_manager.filter(pk__in=ids)
    texts = dict(rows.values_list("pk", Left("stacktrace", LONGEST_TRACE)))
    for sample in found:
        sample.trace = texts.get(sample.id)


def _with_sessions(found: Sequence[Sample]) -> None:
    """Add the ids of their sessions. Sessions of devices are found on the event's page."""
    keys = {sample.id: key for sample in found if (key := key_of(sample)) and key.session is not None}
    names = Names.of(keys.values())
    ids = {event: names.number(key) for event, key in keys.items() if names.has(key)}
    there = set(Session.objects.filter(pk__in=set(ids.values())).values_list("pk", flat=True))
    for sample in found:
        session = ids.get(sample.id)
        sample.session_pk = session if session in there else None
