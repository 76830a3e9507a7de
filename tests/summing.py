"""Summing up for tests: the sessions of all stored events."""

from collections import defaultdict
from typing import Any

from events.event import Event
from events.identity import moment
from events.kinds import KINDS
from events.sessions.keys import Names, key_of, session_id
from events.sessions.record import DETAILS, Record
from events.sessions.session import Session, SessionEnv, SessionEventCount, SessionPage
from events.sessions.summary import INACTIVITY_MS, cut
from events.sessions.summary_event import columns
from events.store.touched import SessionKey


def sum_up() -> None:
    """Compute all sessions anew."""
    for model in (SessionPage, SessionEnv, SessionEventCount, Session):
        model.objects.all().delete()
    keys: dict[SessionKey, list[Record]] = defaultdict(list)
    for event in Event.objects.order_by("id"):
        key = key_of(event)
        if key is not None:
            keys[key].append(_record(event))
    names = Names.of(keys)
    for key, records in keys.items():
        for summary in cut(records, None if key.session else INACTIVITY_MS):
            first = None if key.session else summary.first.id
            found: dict[str, Any] = columns(summary)
            found["started_at"], found["ended_at"] = (
                moment(found.pop("started_ms")),
                moment(found.pop("ended_ms")),
            )
            session = Session.objects.create(
                id=session_id(names.owners[key.owner_id], names.sources[key.source_id], key, first),
                owner_id=key.owner_id,
                source_id=key.source_id,
                session=key.session,
                **found,
            )
            for place, page in enumerate(summary.pages):
                SessionPage.objects.create(session=session, position=place, **page._asdict())
            for place, environment in enumerate(summary.environments):
                SessionEnv.objects.create(session=session, position=place, **environment._asdict())
            for kind, count in summary.counts.items():
                SessionEventCount.objects.create(session=session, kind=kind, count=count)


def _record(event: Event) -> Record:
    names = ("actor", "actor_type", "device", "channel", "version", "environment")
    about = ("object_id", "object_type", "object_version")
    details = None
    if event.kind in DETAILS and event.kind != "emitted_event":
        model = KINDS[event.kind].model
        details = model._default_manager.values_list(*DETAILS[event.kind]).get(pk=event.pk)
    return Record(
        event.pk,
        event.kind,
        event.dialect,
        details,
        **{name: getattr(event, name) for name in (*names, *about)},
    )
