"""Samples of one group of errors: where it happened last, with which stack traces, in which sessions.

Read from events, since no rollup has texts. The rollup knows when the group was seen first and last, so ids
are bounded by that, and a kind's table is walked from the last one on.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from events.identity import MILLISECOND, first_id
from events.sessions.keys import Names, key_of
from events.sessions.session import Session
from reports.figures.errors import Group
from reports.filters import Filters
from reports.rollups.columns import LONGEST

SAMPLES = 50
WALKED = 20_000  # errors with this code and type that are looked at for those of the reader's owners
TRACES = 3
LONGEST_TRACE = 8_000  # characters


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
    trace: str | None
    session_pk: UUID | None = None  # where its session is summed up


@dataclass(frozen=True, slots=True)
class Trace:
    """A stack trace, how many of the samples have it, and the last one that has."""

    text: str
    samples: int
    latest: Sample


def samples(filters: Filters, group: Group) -> list[Sample]:
    """The latest of the group's errors, newest first."""
    found: list[Sample] = []
    for kind in ("error", "ui_action"):
        if not filters.kinds or kind in filters.kinds:
            with connection.cursor() as cursor:
                cursor.execute(*statement(filters, group, kind))
                found += [Sample(*row) for row in cursor.fetchall()]
    found.sort(key=lambda sample: sample.id, reverse=True)
    return _with_sessions(found[:SAMPLES])


def traces(found: Iterable[Sample]) -> list[Trace]:
    """The different stack traces of samples, the one that most have first."""
    counts: Counter[str] = Counter()
    latest: dict[str, Sample] = {}
    for sample in found:
        if sample.trace:
            counts[sample.trace] += 1
            latest.setdefault(sample.trace, sample)
    return [Trace(text, count, latest[text]) for text, count in counts.most_common(TRACES)]


def statement(filters: Filters, group: Group, kind: str) -> tuple[str, dict[str, Any]]:
    """The statement that reads samples of a kind."""
    since, until = max(group.first, filters.period.since), group.latest + MILLISECOND
    bounds = f">= '{first_id(since)}' AND {{}} < '{first_id(until)}'"
    conditions = ["true"]
    parameters: dict[str, Any] = {"code": group.code, "type": group.type}
    narrowed: dict[str, Sequence[Any] | None] = {
        "owner_id": filters.owners,
        "source_id": filters.sources or None,
        "version": filters.versions or None,
        "country": filters.countries or None,
    }
    for name, values in narrowed.items():
        if values is not None:
            conditions.append(f"e.{name} = ANY(%({name})s)")
            parameters[name] = list(values)
    return (
        _STATEMENT.format(
            columns=_COLUMNS[kind],
            table=_TABLES[kind],
            condition=_CONDITIONS[kind].format(longest=LONGEST),
            detail_bounds="d.id " + bounds.format("d.id"),
            event_bounds="e.id " + bounds.format("e.id"),
            conditions=" AND ".join(conditions),
            walked=WALKED,
            samples=SAMPLES,
        ),
        parameters,
    )


# OFFSET 0 and the LIMITs keep the parts apart: the walk stops as soon as there are enough samples.
_STATEMENT = """
SELECT e.id, e.occurred_at, e.owner_id, e.source_id, e.version, e.actor, e.session, e.device, e.channel,
       d.page, d.trace
FROM (SELECT d.id, {columns} FROM {table} d WHERE {condition} AND {detail_bounds}
      ORDER BY d.id DESC LIMIT {walked}) d
CROSS JOIN LATERAL (SELECT * FROM events_event e
                    WHERE e.id = d.id AND {event_bounds} AND {conditions} OFFSET 0) e
LIMIT {samples}
"""
_TABLES = {"error": "events_error", "ui_action": "events_uiaction"}
_COLUMNS = {
    "error": f"d.pageid AS page, left(d.stacktrace, {LONGEST_TRACE}) AS trace",
    "ui_action": "coalesce(nullif(d.url, ''), d.category) AS page, NULL AS trace",
}
_CONDITIONS = {
    "error": "left(coalesce(d.err, ''), {longest}) = %(code)s"
    " AND left(coalesce(d.errtype, ''), {longest}) = %(type)s",
    "ui_action": "d.severity = 'error' AND left(coalesce(d.label, ''), {longest}) = %(code)s"
    " AND left(coalesce(d.category, ''), {longest}) = %(type)s",
}


def _with_sessions(found: Sequence[Sample]) -> list[Sample]:
    """Samples with the ids of their sessions; those of devices are found on the event's page."""
    keys = {sample.id: key for sample in found if (key := key_of(sample)) and key.session is not None}
    names = Names.of(keys.values())
    ids = {event: names.number(key) for event, key in keys.items() if names.has(key)}
    there = set(Session.objects.filter(pk__in=set(ids.values())).values_list("pk", flat=True))
    for sample in found:
        session = ids.get(sample.id)
        sample.session_pk = session if session in there else None
    return list(found)
