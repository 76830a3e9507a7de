"""Bodies to send: mixed V3 events as an SDK writes them, every id new, and Availity's published example."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

Wire = dict[str, Any]

# What a browser session of a learning portal is made of, by share.
MIX = {
    "INTERACT": 45,
    "IMPRESSION": 25,
    "LOG": 8,
    "START": 5,
    "END": 5,
    "ASSESS": 4,
    "RESPONSE": 3,
    "SEARCH": 3,
    "ERROR": 2,
}
QUESTION = {"id": "do_q1", "maxscore": 1, "exlength": 20.5, "params": [], "title": "Add", "desc": "Sums"}


def _edata(eid: str, rng: random.Random) -> Wire:
    page = f"page-{rng.randrange(40)}"
    choices: dict[str, Wire] = {
        "INTERACT": {"type": "CLICK", "id": f"button-{rng.randrange(200)}", "pageid": page, "subtype": "tap"},
        "IMPRESSION": {"type": "view", "pageid": page, "uri": f"/learn/{page}", "subtype": "scroll"},
        "LOG": {
            "type": "api_call",
            "level": "INFO",
            "message": f"GET /content/{page} 200",
            "params": [{"ms": 31}],
        },
        "START": {"type": "session", "mode": "play", "stageid": page, "duration": 0.42},
        "END": {"type": "session", "mode": "play", "duration": rng.randrange(10, 900), "pageid": page},
        "ASSESS": {"item": QUESTION, "pass": "Yes", "score": 1, "resvalues": [{"1": "4"}], "duration": 12.4},
        "RESPONSE": {
            "target": {"id": "do_q1", "ver": "1.0", "type": "Question"},
            "type": "CHOOSE",
            "values": [{"lhs": "a"}],
        },
        "SEARCH": {
            "type": "content",
            "query": "fractions",
            "size": rng.randrange(300),
            "topn": [{"id": "do_1"}],
        },
        "ERROR": {
            "err": "CONTENT_LOAD",
            "errtype": "CONTENT",
            "stacktrace": "Error: at load (player.js:31:7)",
        },
    }
    return choices[eid]


def event(rng: random.Random, now_ms: int, user: int) -> Wire:
    """One V3 event of the last hour."""
    (eid,) = rng.choices(list(MIX), weights=list(MIX.values()))
    return {
        "eid": eid,
        "ets": now_ms - rng.randrange(3_600_000),
        "ver": "3.0",
        "mid": f"{eid}:{rng.getrandbits(128):032x}",
        "actor": {"id": f"user-{user}", "type": "User"},
        "context": {
            "channel": "01268904781886259221",
            "pdata": {"id": "bench.portal", "ver": "3.9.0", "pid": "sunbird-portal"},
            "env": "home",
            "sid": f"session-{user}",
            "did": f"device-{user}",
            "cdata": [{"type": "DeviceType", "id": "Desktop"}],
            "rollup": {"l1": "01268904781886259221"},
        },
        "object": {"id": f"do_{rng.randrange(900)}", "type": "Content", "ver": "1"},
        "tags": ["01268904781886259221"],
        "edata": _edata(eid, rng),
    }


def batches(count: int, size: int, seed: int) -> Iterator[bytes]:
    """`count` bodies of `size` events each; a batch is of one device and session, as SDKs send it."""
    rng = random.Random(seed)
    now_ms = int(time.time() * 1000)
    for number in range(count):
        user = rng.randrange(50_000)
        batch = {
            "id": "api.sunbird.telemetry",
            "ver": "3.0",
            "params": {"msgid": f"{seed}-{number}"},
            "ets": now_ms,
            "events": [event(rng, now_ms, user) for _ in range(size)],
        }
        yield json.dumps(batch, separators=(",", ":")).encode()
