"""Helpers for tests of stored sessions: filing without HTTP, tables as values, an oracle."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from django.utils import timezone

from events.event import Event
from events.identity import milliseconds, moment
from events.ownership import senders
from events.sessions import claiming
from events.sessions.session import Session, SessionEnv, SessionEventCount, SessionPage
from events.sessions.summarising import summarise_block, summarise_large
from events.store.details import as_wire
from ingestion.dialects.decoders import DECODERS
from ingestion.filing.drain import drain
from ingestion.receiving import pipeline
from tests.sending import Sender

Wire = dict[str, Any]
INTERACTIONS = (
    "touch drag drop pinch zoom shake rotate speak listen write draw start end choose activate scroll click"
    " edit submit search dnd added removed selected"
)
PARTS = (SessionPage, SessionEnv, SessionEventCount)


def base_ms() -> int:
    """Return a whole hour three days ago, for which partitions exist."""
    then = timezone.now() - timedelta(days=3)
    return milliseconds(then.replace(minute=0, second=0, microsecond=0))


def post(sender: Sender, dialect: str, wire: Wire, received_ms: int) -> None:
    """Put an event into the inbox with a given time of receipt."""
    known = senders.find(sender.text)
    assert known
    verdicts = pipeline.accept(
        known, DECODERS[dialect], "json", json.dumps(wire).encode(), moment(received_ms), {}
    )
    assert not [verdict for verdict in verdicts if hasattr(verdict, "fault")], verdicts


def file(sender: Sender, *events: Wire) -> None:
    """File V3 events."""
    post(sender, "sunbird", {"id": "x", "ver": "3.0", "events": list(events)}, milliseconds(timezone.now()))
    drain()


def summarise_due() -> int:
    """Summarise all pending sessions, including large ones, and return their number."""
    keys = 0
    now = timezone.now()
    claiming.resume(now, None)
    while done := summarise_block(now).keys or summarise_large(now).keys:
        keys += done
    return keys


def summarise_all() -> None:
    for _ in claiming.requeue_all(None):
        pass
    summarise_due()


def dump() -> dict[str, Any]:
    """Return all sessions with their parts as comparable values."""
    rows: dict[str, Any] = {str(row["id"]): dict(row) for row in Session.objects.values()}
    for model in PARTS:
        for part in map(dict[str, Any], model._default_manager.order_by("pk").values()):
            rows[str(part["session_id"])].setdefault(model.__name__, []).append(part)
    return rows


def expected() -> list[Wire]:
    """Compute the expected sessions of all stored events from their wire form, simply and slowly."""
    groups: dict[Any, list[Event]] = defaultdict(list)
    for event in Event.objects.select_related("owner", "source").order_by("occurred_at", "id"):
        who = (event.owner.name, event.source.name)
        if event.session:
            groups[who, "session", event.session].append(event)
        elif event.device:
            runs = groups[who, "device", event.device, event.channel]
            if runs and event.occurred_at - runs[-1].occurred_at > timedelta(minutes=30):
                groups[who, "device", event.device, event.channel, runs[0].pk] = list(runs)
                runs.clear()
            runs.append(event)
    return [_expected(events) for events in groups.values()]


def _expected(events: Sequence[Event]) -> Wire:
    wires = [as_wire(event) for event in events]
    gaps = [_gap(one.occurred_at, two.occurred_at) for one, two in pairwise(events)]
    openings = [index for index, wire in enumerate(wires) if _page(wire) is not None]
    pages: dict[Any, list[Any]] = {}
    for place, index in enumerate(openings):
        end = openings[place + 1] if place + 1 < len(openings) else len(events) - 1
        page, kind, environment = _page(wires[index]) or ("", "", "")
        entry = pages.setdefault((page, environment), [kind, Decimal(0), 0])
        entry[1] += sum(gaps[index:end], Decimal(0))
        entry[2] += 1
    environments: dict[str, list[Any]] = {}
    for (_, environment), (_, seconds, visits) in pages.items():
        if environment is not None:
            sums = environments.setdefault(environment, [Decimal(0), 0])
            sums[0] += seconds
            sums[1] += visits
    starts = [wire["edata"] for wire in wires if wire.get("eid") == "START"]
    kinds = [event.kind for event in events]
    return {
        "owner": events[0].owner.name,
        "source": events[0].source.name,
        "session": events[0].session,
        "entry": (events[0].pk, events[0].kind, events[0].occurred_at),
        "exit": (events[-1].pk, events[-1].kind, events[-1].occurred_at),
        "type": starts[0]["type"].lower() if starts else "app",
        "mode": starts[0].get("mode") if starts else None,
        "time_spent": sum(gaps, Decimal(0)),
        "events": len(events),
        "page_views": len(openings),
        "interactions": sum(map(_interactions, wires)),
        "errors": sum(map(_is_error, wires)),
        "actor": next((event.actor for event in events if event.actor), None),
        "device": next((event.device for event in events if event.device), None),
        "is_bot": {event.is_bot for event in events} - {None} == {True},
        "pages": [(key[0], value[0], key[1], *value[1:]) for key, value in pages.items()],
        "environments": [(name, *sums) for name, sums in environments.items()],
        "counts": {kind: kinds.count(kind) for kind in kinds},
        "ends": ((_page(wires[openings[0]]) or [None])[0], (_page(wires[openings[-1]]) or [None])[0])
        if openings
        else (None, None),
    }


def _gap(one: datetime, two: datetime) -> Decimal:
    seconds = Decimal((two - one) // timedelta(milliseconds=1)) / 1000
    return Decimal(0) if seconds > 600 else seconds.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _page(wire: Wire) -> tuple[Any, Any, Any] | None:
    if wire.get("eid") == "IMPRESSION":
        return wire["edata"]["pageid"], wire["edata"]["type"], wire["context"]["env"]
    if "telemetryBody" in wire:
        entries = wire["telemetryBody"]["entries"]
        if (entries["event"], entries["action"]) == ("page", "load"):
            return entries.get("url") or entries["category"], entries["category"], None
    return None


def _interactions(wire: Wire) -> int:
    if wire.get("eid") == "INTERACT":
        return int(wire["edata"]["type"].lower() in INTERACTIONS.split())
    if "telemetryBody" in wire:
        return int(_page(wire) is None)
    return sum("action" in item for item in wire.get("event", {}).get("context", []))


def _is_error(wire: Wire) -> bool:
    level: str = wire.get("telemetryBody", {}).get("level", "")
    return wire.get("eid") == "ERROR" or level.lower() == "error"


def found() -> list[Wire]:
    """Return the stored sessions in the oracle's form."""
    sessions = Session.objects.select_related("owner", "source")
    return [
        {
            "owner": row.owner.name,
            "source": row.source.name,
            "session": row.session,
            "entry": (row.entry_event, row.entry_kind, row.started_at),
            "exit": (row.exit_event, row.exit_kind, row.ended_at),
            "ends": (row.first_page, row.last_page),
            **{
                name: getattr(row, name)
                for name in ("type", "mode", "time_spent", "events", "page_views", "interactions", "errors")
            },
            "actor": row.actor,
            "device": row.device,
            "is_bot": row.is_bot,
            "pages": [(p.page, p.type, p.environment, p.time_spent, p.visits) for p in row.pages.all()],
            "environments": [(e.environment, e.time_spent, e.visits) for e in row.environments.all()],
            "counts": {count.kind: count.count for count in row.event_counts.all()},
        }
        for row in sessions
    ]


def assert_as_expected() -> None:
    def by_entry(session: Wire) -> str:
        return str(session["entry"][0])

    assert sorted(found(), key=by_entry) == sorted(expected(), key=by_entry)
