"""Sample events of every kind, complete and minimal.

Complete ones have every field of the wire documents, minimal ones only the hard fields. Each call returns new
dicts, which tests may change.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from events.kinds import KINDS

Event = dict[str, Any]

MS = 1_760_000_000_123  # 2025-10-09, for tests that don't depend on the time
SUNBIRD = tuple(sorted(name for name, entry in KINDS.items() if entry.schema.dialect == "sunbird"))
ALL = (*SUNBIRD, "ui_action", "emitted_event")

# Values that a column, a number format or a JSON library could change.
ODD: tuple[Any, ...] = (
    None, "", [], {}, True, False, 0, 1, -1, 1.0, -0.0, 0.1, 1e22, 1e23, 1e-7, 1.7976931348623157e308,
    1.2345678901234567e19, 2**53 + 1, 2**60, 2**64, -(2**63) - 1, 10**400,
    "12", "1.50", "1e3", "01", "-0", " 1", "5\n", "null", "ä\u2028🙂", '"\\',
    [None], [[{}]], {"a": {"b": None}}, ["x", 1],
)  # fmt: skip

_TARGET = {"id": "do_2124", "ver": "3", "type": "Collection", "parent": {"id": "do_2100", "type": "Course"}}
_PLUGIN = {"id": "org.example.quiz", "ver": "1.2", "category": "assessment"}

COMPLETE_EDATA: dict[str, Event] = {
    "start": {
        "type": "player",
        "mode": "play",
        "stageid": "intro",
        "contentId": "do_112",
        "contentVer": "1.0",
        "dspec": {
            "os": "Android 14",
            "make": "Fairphone 5",
            "id": "a1b2c3",
            "camera": "50.0,50.0",
            "cpu": "8 cores",
            "mem": 7680,
            "idisk": 221.5,
            "edisk": -1,
            "scrn": 6.46,
            "sims": 2,
            "cap": ["GPS", "NFC"],
        },
        "uaspec": {
            "agent": "Firefox",
            "ver": "131.0",
            "system": "Linux",
            "platform": "Gecko",
            "raw": "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
        },
        "loc": "Pune",
        "duration": 1.25,
        "pageid": "splash",
    },
    "impression": {
        "type": "view",
        "pageid": "library",
        "uri": "https://learn.example/library?page=2",
        "subtype": "Paginate",
        "duration": 0.75,
        "visits": [
            {"objid": "do_1", "objtype": "Content", "objver": "1", "section": "new", "index": 0},
            {"objid": "do_2", "objtype": "Content"},
        ],
        "itype": "SWIPE",
        "stageto": "level-2",
    },
    "interact": {
        "type": "DRAG",
        "id": "puzzle-piece",
        "subtype": "SNAP",
        "pageid": "puzzle",
        "duration": 2.5,
        "target": _TARGET,
        "plugin": _PLUGIN,
        "extra": {
            "pos": [{"x": 10, "y": 20.5, "z": 0}, {"x": 15, "y": 22, "z": 0}],
            "values": [1.5, "left", {"at": 3}],
            "tid": "puzzle-board",
            "uri": "https://cdn.example/voice/77.ogg",
        },
    },
    "assess": {
        "item": {
            "id": "q-17",
            "maxscore": 2,
            "exlength": 30.5,
            "params": [{"var1": "5"}, {"var2": "7"}],
            "uri": "https://cdn.example/q/17",
            "desc": "Adding two numbers",
            "title": "Sums",
            "mmc": ["carry"],
            "mc": ["addition", "place value"],
            "type": "mcq",
        },
        "index": 3,
        "pass": "Yes",
        "score": 0.5,
        "resvalues": [{"1": "twelve"}, {"2": "seven"}],
        "duration": 12.25,
    },
    "response": {
        "target": _TARGET,
        "qid": "poll-4",
        "type": "MATCH",
        "values": [{"lhs": "option1"}, {"rhs": "optionN"}],
    },
    "interrupt": {"type": "BACKGROUND", "pageid": "lesson-3", "eventid": "call-9"},
    "feedback": {
        "contentId": "do_112",
        "rating": 4.5,
        "comments": "Clear and short.",
        "commentid": "c-2",
        "commenttxt": "Good sound",
    },
    "share": {
        "dir": "Out",
        "type": "Link",
        "items": [
            {
                "id": "do_112",
                "type": "Content",
                "ver": "2",
                "params": [{"transfers": "3"}],
                "origin": {"id": "device-1", "type": "Device"},
                "to": {"id": "", "type": "Device"},
            },
            {"obj": {"id": "do_113", "type": "Content", "ver": "1"}},
        ],
    },
    "audit": {
        "type": "lifecycle",
        "props": ["status", "versionKey"],
        "state": "Live",
        "prevstate": "Review",
        "duration": 86400,
    },
    "error": {
        "err": "ERR_TIMEOUT",
        "errtype": "SYSTEM",
        "stacktrace": "Timeout after 30 s\n    at fetch (app.js:10:4)",
        "pageid": "library",
        "traceid": "4bf92f3577b34da6",
        "object": {
            "id": "do_112",
            "type": "Content",
            "ver": "2",
            "subtype": "Worksheet",
            "name": "Sums to twenty",
            "code": "sums-20",
            "parent": {"id": "do_100", "type": "Course"},
        },
        "plugin": _PLUGIN,
    },
    "heartbeat": {"uptime": 3600, "queue": {"waiting": 0}},
    "log": {
        "type": "api_call",
        "level": "INFO",
        "message": "GET /content/do_112 200",
        "pageid": "library",
        "params": [{"duration": 120}, {"status": "200"}],
    },
    "search": {
        "type": "content",
        "query": "fractions",
        "filters": {"medium": ["English"], "grade": {"min": 3}},
        "sort": {"name": "asc"},
        "correlationid": "corr-55",
        "size": 333,
        "topn": [{"identifier": "do_1", "score": 12.5}, {"identifier": "do_2", "score": 9}],
    },
    "metrics": {
        "system": "content-service",
        "subsystem": "search",
        "metrics": [{"metric": "requests", "value": 1200}, {"metric": "errors", "value": 0.5}],
        "cacheHits": 98,
        "cacheMisses": 2,
    },
    "summary": {
        "type": "session",
        "mode": "play",
        "starttime": MS - 600_000,
        "endtime": MS,
        "timespent": 512.75,
        "pageviews": 7,
        "interactions": 31,
        "envsummary": [{"env": "content", "timespent": 500.5, "visits": 2}],
        "eventssummary": [{"id": "IMPRESSION", "count": 7}, {"id": "INTERACT", "count": 31}],
        "pagesummary": [{"id": "library", "type": "view", "env": "content", "timespent": 12, "visits": 1}],
        "extra": [{"id": "progress", "value": "80"}],
    },
    "exdata": {"type": "partnerdata", "data": "q83vEjRWeJA=", "partner": {"id": "p-1"}},
    "end": {
        "type": "player",
        "duration": 512.75,
        "contentId": "do_112",
        "mode": "play",
        "pageid": "summary",
        "summary": [{"progress": 80}, {"nodesModified": 3}],
    },
}

HARD_EDATA: dict[str, Event] = {
    "start": {"type": "app"},
    "impression": {"type": "view", "pageid": "library"},
    "interact": {"type": "CLICK", "id": "save"},
    "assess": {"item": {"id": "q-17"}, "resvalues": [], "duration": 0},
    "response": {"target": {"id": "do_1", "ver": "1", "type": "Poll"}, "type": "CHOOSE", "values": []},
    "interrupt": {"type": "CALL"},
    "feedback": {},
    "share": {"items": []},
    "audit": {},
    "error": {"err": "E1", "errtype": "CONTENT", "stacktrace": ""},
    "heartbeat": {},
    "log": {"type": "system", "level": "warn", "message": ""},
    "search": {"query": "", "size": 0, "topn": []},
    "metrics": {},
    "summary": {
        "type": "app",
        "starttime": MS - 1,
        "endtime": MS,
        "timespent": 0,
        "pageviews": 0,
        "interactions": 0,
    },
    "exdata": {},
    "end": {"type": "app"},
}

_VERSION = {
    "major": 14,
    "minor": 5,
    "micro": 0,
    "build": "23F79",
    "rc": "rc1",
    "commit": "9540a84",
    "tag": "v14.5",
    "spec": "14.5-rc1",
    "release": "18446744073709551615",
}
_CONTEXT_TYPE = "type.googleapis.com/buildless.context.Build"


def edata(kind: str) -> Event:
    """Return the complete `edata` of a V3 event."""
    return deepcopy(COMPLETE_EDATA[kind])


def complete(kind: str, *, ms: int = MS, mid: str = "") -> Event:
    """Return an event with every field in the wire document of its dialect.

    `mid` is the client's ID of the event, whatever the dialect calls it. Availity has neither ID nor time.
    """
    maker = _COMPLETE.get(kind)
    return maker(ms, mid) if maker else _complete_sunbird(kind, ms, mid)


def minimal(kind: str, *, ms: int = MS, mid: str = "") -> Event:
    """Return an event with only the hard fields, as in JSON."""
    maker = _MINIMAL.get(kind)
    return maker(ms, mid) if maker else _minimal_sunbird(kind, ms, mid)


def _complete_sunbird(kind: str, ms: int, mid: str) -> Event:
    eid = kind.upper()
    return {
        "eid": eid,
        "ets": ms,
        "ver": "3.1",
        "mid": mid or f"{eid}:5d41402abc4b2a76b9719d911017c592",
        "actor": {"id": "user-42", "type": "User"},
        "context": {
            "channel": "in.example",
            "env": "library",
            "pdata": {"id": "prod.example.portal", "pid": "portal.web", "ver": "5.1.0", "platform": "web"},
            "sid": "session-7f3a",
            "did": "device-19c4",
            "cdata": [{"type": "Cohort", "id": "c-9"}, {"type": "Request", "id": "r-1"}],
            "rollup": {"l1": "country", "l2": "state", "l3": "district", "l4": "school"},
        },
        "object": {
            "id": "do_112",
            "type": "Content",
            "ver": "2",
            "rollup": {"l1": "do_100", "l2": "do_104", "l3": "do_109", "l4": "do_111"},
        },
        "tags": ["pilot", "class 5"],
        "edata": edata(kind),
    }


def _minimal_sunbird(kind: str, ms: int, mid: str) -> Event:
    eid = kind.upper()
    return {
        "eid": eid,
        "ets": ms,
        "ver": "3.0",
        "mid": mid or f"{eid}:7d793037a0760186574b0282f2f435e7",
        "actor": {"id": "", "type": ""},
        "context": {"channel": "in.example", "env": "", "pdata": {"id": ""}},
        "edata": deepcopy(HARD_EDATA[kind]),
    }


def _complete_ui_action(_ms: int, _mid: str) -> Event:
    message = _minimal_ui_action(_ms, _mid)
    message |= {"payerId": "A123", "sessionId": "123-456-789"}
    message["telemetryBody"]["entries"] |= {
        "url": "https://apps.example/eligibility",
        "elementId": "abc123",
        "elemId": "submit-button",
        "userId": "aka123",
        "analyticsRegion": "header",
    }
    return message


def _minimal_ui_action(_ms: int, _mid: str) -> Event:
    return {
        "customerId": "1194",
        "contact": "team@example.com",
        "owner": "Eligibility Team",
        "source_system": "eligibility_and_benefits",
        "version": "1",
        "telemetryBody": {
            "level": "info",
            "entries": {"event": "submit", "action": "click", "label": "Submit", "category": "form"},
        },
    }


def _complete_emitted_event(ms: int, mid: str) -> Event:
    return {
        "collection": "builds",
        "fin": False,
        "index": 4,
        "scope": "build-8812",
        "event": {
            "id": mid or "a1b2c3d4e5f60718",
            "tenant": "org_example",
            "user": "user-42",
            "context": [
                {
                    "type": _CONTEXT_TYPE,
                    "resource": "project::web-shop",
                    "action": "compile",
                    "event": "finished",
                },
                {"type": _CONTEXT_TYPE, "event": "cached"},
            ],
            "detail": {
                "tenant": {"oid": 7, "name": "example"},
                "user": {
                    "uid": "user-42",
                    "email": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                    "username": "alice",
                },
                "repository": {
                    "provider": "GITHUB",
                    "link": "https://github.com/example/shop",
                    "name": "shop",
                },
                "client": {
                    "tool": [{"name": "gradle", "version": {"major": 8, "minor": 10}}, {"name": "jvm"}],
                    "os": {"name": "macOS", "family": "DARWIN", "arch": "ARM", "version": dict(_VERSION)},
                    "agent": {"name": "buildless-cli", "version": {**_VERSION, "release": "12"}},
                },
            },
            "timing": {"occurred": str(ms)},
            "location": {
                "timezone": "Europe/Berlin",
                "point": {"lat": 52.52, "lon": -13.405},
                "locality": "Berlin",
                "region": "BE",
                "country": "DE",
                "edge": "fra",
            },
            "timer": "AAECAwQFBgc=",
            "ordinal": 2,
            "data": {"@type": "type.example.com/shop.Numbers", "hits": [1, 2.5, {"deep": None}]},
        },
    }


def _minimal_emitted_event(ms: int, mid: str) -> Event:
    return {
        "event": {
            "id": mid or "b1b2c3d4e5f60718",
            "timing": {"occurred": str(ms)},
            "context": [{"type": _CONTEXT_TYPE, "event": "cached"}],
        }
    }


_Maker = Callable[[int, str], Event]
_COMPLETE: dict[str, _Maker] = {"ui_action": _complete_ui_action, "emitted_event": _complete_emitted_event}
_MINIMAL: dict[str, _Maker] = {"ui_action": _minimal_ui_action, "emitted_event": _minimal_emitted_event}


def at(event: Event, path: str) -> Any:
    """Return the value at a dotted path."""
    found: Any = event
    for key in path.split("."):
        found = found[key]
    return found


def with_value(event: Event, path: str, value: Any) -> Event:
    """Return a copy of the event with `value` at a dotted path, creating missing objects."""
    changed = deepcopy(event)
    *above, last = path.split(".")
    place = changed
    for key in above:
        place = place.setdefault(key, {})
    place[last] = value
    return changed


def without(event: Event, path: str) -> Event:
    """Return a copy of the event without the value at a dotted path."""
    changed = deepcopy(event)
    *above, last = path.split(".")
    place = changed
    for key in above:
        place = place[key]
    del place[last]
    return changed
