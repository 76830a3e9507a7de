"""Computes expected rollups simply and slowly, from the wire form of every event and from stored sessions."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any

from events.event import Event
from events.sessions.session import Session
from events.store.details import as_wire
from reports.rollups.columns import First, Last, Latest, Least, Members, Most, Words
from reports.rollups.models import Metrics
from reports.rollups.rollup import Rollup, rollups

Wire = dict[str, Any]
# A rollup's name, its keys, and what one event or session adds to its measures.
Contribution = tuple[str, dict[str, Any], dict[str, Any]]
WITH_BINS = ("SessionShapes", "MetricShapes", "Skews")  # they have tests of their own


def _numbers(value: Any) -> Decimal:
    return Decimal(repr(float(value or 0)))


def _hash(text: str) -> int:
    number = int(md5(text.encode(), usedforsecurity=False).hexdigest()[:16], 16)
    return number - 2**64 if number >= 2**63 else number


def _of_event(event: Event, wire: Wire) -> Iterator[Contribution]:
    times = {"first": event.occurred_at, "latest": event.occurred_at}
    yield "Events", {"kind": event.kind}, {"events": 1, "billed_bytes": event.billed_bytes, **times}
    for what, who in (("actor", event.actor), ("device", event.device)):
        if who:
            yield "Actives", {"what": what}, {"members": {_hash(who)}}
    for path in _unknown(event.extra or {}):
        if path in NAMED[event.dialect]:
            continue
        yield "UnknownKeys", {"kind": event.kind, "path": path}, {"events": 1}
    if "edata" in wire:
        yield from _of_v3(event, wire, wire["edata"], times)
    if "telemetryBody" in wire:
        yield from _of_message(event, wire, wire["telemetryBody"]["entries"], times)
    if event.dialect == "buildless":
        yield from _of_build(event, wire, times)


def _unknown(extra: Wire) -> Iterator[str]:
    yield from dict.fromkeys(unknown_leaves(extra))


# Paths of names of sources and owners.
NAMED = {
    "sunbird": {"context.pdata.id"},
    "availity": {"source_system", "owner"},
    "buildless": {"event.detail.client.agent.name"},
}
# Objects that every event may have; an empty one isn't an unknown key.
ENVELOPE = {"actor", "context", "context.pdata", "object", "object.rollup", "edata", "telemetryBody"}


def unknown_leaves(extra: Wire, before: str = "", level: int = 1) -> Iterator[str]:
    """Yield the paths of values without a column. Below the eighth level, an object counts as one value."""
    for key, value in extra.items():
        path = f"{before}{key}"
        if isinstance(value, dict) and level < 8:
            yield from unknown_leaves(value, f"{path}.", level + 1)
            if not value and path not in ENVELOPE:
                yield path
        else:
            yield path


def _affected(event: Event, keys: Wire) -> Iterator[Contribution]:
    if event.actor:
        yield "ErrorsAffected", keys | {"what": "actor"}, {"members": {_hash(event.actor)}}
    session = event.session or (event.device and f"device {event.device} {event.channel or ''}")
    if session:
        members = {_hash(f"{event.source_id} {session}")}
        yield "ErrorsAffected", keys | {"what": "session"}, {"members": members}


def _of_v3(event: Event, wire: Wire, data: Wire, times: Wire) -> Iterator[Contribution]:
    match wire["eid"]:
        case "IMPRESSION":
            took = data.get("duration")
            measures = {"views": 1, "timed": int(took is not None), "load_time": _numbers(took)}
            yield "Pages", {"page": data["pageid"]}, measures
        case "ERROR":
            keys = {"kind": "error", "code": data["err"], "type": data["errtype"]}
            yield "Errors", keys, {"events": 1, **times}
            yield from _affected(event, keys)
        case "START" | "END":
            content = wire.get("object", {}).get("id") or data.get("contentId")
            if content:
                took = data.get("duration") if wire["eid"] == "END" else None
                keys = {
                    "content": content,
                    "object_type": wire.get("object", {}).get("type", ""),
                    "type": data["type"],
                }
                yield (
                    "Contents",
                    keys,
                    {
                        "started": int(wire["eid"] == "START"),
                        "finished": int(wire["eid"] == "END"),
                        "timed": int(took is not None),
                        "time_spent": _numbers(took),
                    },
                )
        case "ASSESS":
            item = data["item"]
            compared = "exlength" in item
            yield (
                "Questions",
                {"item": item["id"], "content": wire.get("object", {}).get("id", "")},
                {
                    "title": item.get("title"),
                    "attempts": 1,
                    "passed": int(data["pass"].lower() == "yes"),
                    "score": _numbers(data["score"]),
                    "marked_out_of": int("maxscore" in item),
                    "max_score": _numbers(item.get("maxscore")),
                    "duration": _numbers(data["duration"]),
                    "timed": int(compared),
                    "timed_duration": _numbers(data["duration"] if compared else 0),
                    "expected": _numbers(item.get("exlength")),
                },
            )
        case "FEEDBACK":
            rating = data.get("rating")
            yield "Ratings", {
                "content": wire.get("object", {}).get("id") or data.get("contentId", ""),
                "rating": "" if rating is None else str(rating),
            }, {
                "count": 1,
                "rated": int(rating is not None),
                "rating_sum": _numbers(rating),
                "comments": int(bool(data.get("comments"))),
            }  # fmt: skip
        case "SEARCH":
            yield "Searches", {"query": data["query"][:200], "type": data.get("type", "")}, {
                "searches": 1,
                "without_results": int(data["size"] == 0),
                "results": _numbers(data["size"]),
            }  # fmt: skip
        case "LOG":
            yield "Logs", {"level": data["level"].upper(), "type": data["type"]}, {"events": 1}
        case "HEARTBEAT":
            yield "Heartbeats", {}, {"events": 1, **times}
        case "METRICS":
            yield from _measured(event, data)


def _measured(event: Event, data: Wire) -> Iterator[Contribution]:
    found = [(item.get("metric", ""), item.get("value")) for item in data.get("metrics", [])]
    found += [(key, data[key]) for key in data if key not in {"system", "subsystem", "metrics"}]
    for name, value in found:
        if type(value) in {int, float} and abs(value) < 1e300:
            keys = {"system": data["system"], "subsystem": data["subsystem"], "metric": name}
            yield (
                "Metrics",
                keys,
                {
                    "count": 1,
                    "total": _numbers(value),
                    "least": value,
                    "most": value,
                    "last": value,
                    "latest": event.occurred_at,
                },
            )


def _of_message(event: Event, wire: Wire, entries: Wire, times: Wire) -> Iterator[Contribution]:
    level = wire["telemetryBody"]["level"].lower()
    yield "UiActions", {
        "customer": wire["customerId"],
        "payer": wire.get("payerId", ""),
        **{name: entries[name] for name in ("category", "label", "action")},
        "level": level,
    }, {"events": 1}  # fmt: skip
    if (entries["event"], entries["action"]) == ("page", "load"):
        page = entries.get("url") or entries["category"]
        yield "Pages", {"page": page}, {"views": 1, "timed": 0, "load_time": Decimal(0)}
    if level == "error":
        keys = {"kind": "ui_action", "code": entries["label"], "type": entries["category"]}
        yield "Errors", keys, {"events": 1, **times}
        yield from _affected(event, keys)


def _of_build(event: Event, wire: Wire, times: Wire) -> Iterator[Contribution]:
    scope, collection = wire.get("scope"), wire.get("collection", "")
    client = wire["event"].get("detail", {}).get("client", {})
    version = client.get("agent", {}).get("version", {})
    yield "Builds", {
        "collection": collection,
        "repository": wire["event"].get("detail", {}).get("repository", {}).get("name", ""),
        "os": client.get("os", {}).get("name", ""),
        "architecture": client.get("os", {}).get("arch", ""),
        "agent_version": f"{version['major']}.{version.get('minor', 0)}.0" if version else "",
    }, {
        "events": 1,
        "final": int(wire.get("fin", False)),
        "in_series": int(bool(scope)),
        "timed": int("timer" in wire["event"]),
    }  # fmt: skip
    if scope:
        yield "BuildSeries", {"collection": collection, "scope": scope}, {
            "events": 1,
            "indexed": int("index" in wire),
            "final": int(wire.get("fin", False)),
            "least": wire.get("index"),
            "greatest": wire.get("index"),
            **times,
        }  # fmt: skip
    if "timer" in wire["event"]:
        timer = {"collection": collection, "timer": wire["event"]["timer"]}
        yield "BuildTimers", timer, {"events": 1, **times}


def _of_session(session: Session) -> Iterator[Contribution]:
    entry = as_wire(Event.objects.select_related("owner", "source").get(pk=session.entry_event))
    client = entry["event"].get("detail", {}).get("client", {}) if "event" in entry else {}
    sums = ("time_spent", "events", "page_views", "interactions", "errors")
    yield "Sessions", {"device_type": "", "os_name": client.get("os", {}).get("name", "")}, {
        "sessions": 1,
        **{name: getattr(session, name) for name in sums},
        "with_errors": int(session.errors > 0),
        "single_page": int(session.page_views == 1),
    }  # fmt: skip
    for role, page in (("entry", session.first_page), ("exit", session.last_page)):
        if page is not None:
            yield "Ends", {"role": role, "page": page}, {"sessions": 1}


def expected() -> dict[str, list[Any]]:
    """Return the expected rows of every grain by the name of the rollup."""
    folded: dict[str, dict[Any, list[Wire]]] = defaultdict(lambda: defaultdict(list))
    for row, at, contributions in _everything():
        for name, keys, measures in contributions:
            for minutes in (15, 60, 1440):
                bucket = at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(minutes=minutes)
                who = (row.version or "", row.country or "", bool(row.is_bot))
                place = (minutes, bucket, row.owner_id, row.source_id, *who)
                folded[name][*place, *keys.values()].append(measures)
    return {
        rollup.__name__: sorted(
            (*place, *_merged(rollup, parts)) for place, parts in folded[rollup.__name__].items()
        )
        for rollup in _compared()
    }


def _everything() -> Iterator[tuple[Any, datetime, list[Contribution]]]:
    for event in Event.objects.select_related("owner", "source"):
        yield event, event.occurred_at, list(_of_event(event, as_wire(event)))
    for session in Session.objects.all():
        yield session, session.started_at, list(_of_session(session))


def _merged(rollup: type[Rollup], parts: list[Wire]) -> Iterator[Any]:
    for column in rollup.measures():
        values = [part[column.name] for part in parts if part[column.name] is not None]
        match column:
            case Members():
                yield sorted(set().union(*values))
            case Least() | First():
                yield min(values)
            case Last():
                yield max((part["latest"], part["last"]) for part in parts)[1]
            case Most() | Latest() | Words():
                yield max(values, default=None)
            case _:
                yield sum(values)


def _compared() -> list[type[Rollup]]:
    return [rollup for rollup in rollups() if rollup.__name__ not in WITH_BINS]


def found() -> dict[str, list[Any]]:
    """Return the stored rows by the name of the rollup."""
    assert Metrics in _compared()
    return {
        rollup.__name__: sorted(
            rollup._default_manager.values_list(
                "grain", "bucket", "owner_id", "source_id", *(column.name for column in rollup.columns())
            )
        )
        for rollup in _compared()
    }
