"""Summary events: sessions as V3 SUMMARY events, as a client could have sent them.

Source of the fields: V3 SUMMARY. Measures without a field are in `extra`, as {id, value} texts. The lists by
environment, kind and page are in the published document but not in the reference pipeline's closed list of
fields, so `strict` leaves them out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from events.identity import milliseconds
from events.kinds import KINDS
from events.sessions.session import Session
from events.sessions.summary import Environment, Page, Summary

Wire = dict[str, Any]
FORMAT_VERSION = "3.0"


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of the session that a summary is about."""

    id: UUID  # of the session
    source: str
    session: str | None
    channel: str  # if no event names one


def as_summary_event(session: Session, *, strict: bool = False) -> Wire:
    """Return the SUMMARY event of a stored session. Loads its owner, source and parts if necessary."""
    channel = session.channel or session.owner.name
    who = Identity(session.pk, session.source.name, session.session, channel)
    pages = [
        Page(row.page, row.type, row.environment, row.time_spent, row.visits) for row in session.pages.all()
    ]
    environments = [
        Environment(row.environment, row.time_spent, row.visits) for row in session.environments.all()
    ]
    counts = {row.kind: row.count for row in session.event_counts.all()}
    lists = _lists(environments, counts, pages)
    return _event(who, _columns_of_row(session), {} if strict else lists)


def summary_event(summary: Summary, who: Identity, *, strict: bool = False) -> Wire:
    """Return the SUMMARY event of a summary."""
    lists = _lists(summary.environments, summary.counts, summary.pages)
    return _event(who, columns(summary), {} if strict else lists)


def columns(summary: Summary) -> Wire:
    """Return a summary as the columns of a session's row, with times in milliseconds."""
    first, last = summary.first, summary.last
    return {
        "dialect": first.dialect,
        "type": summary.type,
        "mode": summary.mode,
        "started_ms": first.occurred_ms,
        "ended_ms": last.occurred_ms,
        "time_spent": summary.time_spent,
        "events": summary.events,
        "page_views": summary.page_views,
        "interactions": summary.interactions,
        "errors": summary.errors,
        "first_page": summary.first_page,
        "last_page": summary.last_page,
        "entry_kind": first.kind,
        "entry_event": first.id,
        "exit_kind": last.kind,
        "exit_event": last.id,
        "device": summary.device,
        "channel": summary.channel,
        "actor": summary.actor,
        "actor_type": summary.actor_type,
        "actors": summary.actors,
        "reused_ids": summary.reused_ids,
        "version": summary.version,
        "country": summary.country,
        "environment": first.environment,
        "object_id": first.object_id,
        "object_type": first.object_type,
        "object_version": first.object_version,
        "device_type": first.device_type,
        "os_name": first.os_name,
        "is_bot": summary.is_bot,
    }


def _columns_of_row(session: Session) -> Wire:
    found = {field.attname: getattr(session, field.attname) for field in session._meta.local_fields}
    return found | {
        "started_ms": milliseconds(session.started_at),
        "ended_ms": milliseconds(session.ended_at),
    }


def _event(who: Identity, of: Wire, lists: Wire) -> Wire:
    context = {
        "channel": of["channel"] or who.channel,
        "env": of["environment"] or "",
        "pdata": _present(id=who.source, ver=of["version"]),
        "sid": who.session,
        "did": of["device"],
    }
    event = {
        "eid": "SUMMARY",
        "ets": of["ended_ms"],
        "ver": FORMAT_VERSION,
        "mid": f"SUMMARY:{who.id.hex}",
        "actor": {"id": of["actor"] or "", "type": of["actor_type"] or ""},
        "context": _present(**context),
        "edata": _edata(of) | lists,
    }
    if of["object_id"] is not None:
        about = {"id": of["object_id"], "type": of["object_type"], "ver": of["object_version"]}
        event["object"] = _present(**about)
    return event


def _edata(of: Wire) -> Wire:
    further = {name: of[name] for name in ("events", "errors", "first_page", "last_page", "country")}
    return _present(
        type=of["type"],
        mode=of["mode"],
        starttime=of["started_ms"],
        endtime=of["ended_ms"],
        timespent=_number(of["time_spent"]),
        pageviews=of["page_views"],
        interactions=of["interactions"],
        extra=[{"id": name, "value": str(value)} for name, value in further.items() if value is not None],
    )


def _lists(environments: Iterable[Environment], counts: Mapping[str, int], pages: Iterable[Page]) -> Wire:
    return {
        "envsummary": [
            {"env": env.environment, "timespent": _number(env.time_spent), "visits": env.visits}
            for env in environments
        ],
        "eventssummary": [{"id": _name(kind), "count": count} for kind, count in sorted(counts.items())],
        "pagesummary": [
            _present(
                id=page.page,
                type=page.type,
                env=page.environment,
                timespent=_number(page.time_spent),
                visits=page.visits,
            )
            for page in pages
        ],
    }


def _name(kind: str) -> str:
    """Return the name of a kind on the wire. V3 writes its kinds in upper case."""
    return kind.upper() if KINDS[kind].schema.dialect == "sunbird" else kind


def _number(seconds: Decimal) -> float:
    """Return hundredths as a JSON number; whole seconds without a fraction."""
    return int(seconds) if seconds == int(seconds) else float(seconds)


def _present(**fields: object) -> Wire:
    return {name: value for name, value in fields.items() if value is not None}
