"""A session as a V3 SUMMARY event: its fields, and that Tally accepts it, even strictly."""

import json
from typing import Any
from uuid import UUID

import pytest

from events.kinds import KINDS
from events.ownership.owner import Validation
from events.sessions.summary import summarise
from events.sessions.summary_event import Identity, summary_event
from tests.sending import MakeSender, file_all, now_ms
from tests.sessions.records import BEGIN_MS, at, touch, view

WHO = Identity(UUID(int=7), "portal", "s1", "c9")
ABOUT = {"object_id": "do_1", "object_type": "Content"}
RECORDS = [
    at(
        0, "start", "player", "play", environment="home", actor="u1", actor_type="User", channel="c1", **ABOUT
    ),
    view(1.5, "a"),
    touch(4),
    at(5, "error", version="1.2", device="d1"),
]


def test_a_summary_event_has_the_fields_of_the_format() -> None:
    assert summary_event(summarise(RECORDS), WHO) == {
        "eid": "SUMMARY",
        "ets": BEGIN_MS + 5000,
        "ver": "3.0",
        "mid": "SUMMARY:00000000000000000000000000000007",
        "actor": {"id": "u1", "type": "User"},
        "context": {
            "channel": "c1",
            "env": "home",
            "pdata": {"id": "portal", "ver": "1.2"},
            "sid": "s1",
            "did": "d1",
        },
        "object": {"id": "do_1", "type": "Content"},
        "edata": {
            "type": "player",
            "mode": "play",
            "starttime": BEGIN_MS,
            "endtime": BEGIN_MS + 5000,
            "timespent": 5,
            "pageviews": 1,
            "interactions": 1,
            "extra": [
                {"id": "events", "value": "4"},
                {"id": "errors", "value": "1"},
                {"id": "first_page", "value": "a"},
                {"id": "last_page", "value": "a"},
            ],
            "envsummary": [{"env": "home", "timespent": 3.5, "visits": 1}],
            "eventssummary": [
                {"id": "ERROR", "count": 1},
                {"id": "IMPRESSION", "count": 1},
                {"id": "INTERACT", "count": 1},
                {"id": "START", "count": 1},
            ],
            "pagesummary": [{"id": "a", "type": "view", "env": "home", "timespent": 3.5, "visits": 1}],
        },
    }


def held(event: dict[str, Any], *, strict: bool) -> Any:
    return KINDS["summary"].held(strict=strict, encoding="json").validator.fault_of(event)


@pytest.mark.parametrize(
    "records",
    [RECORDS, [touch(0)], [at(0, "ui_action", "page", "load", "info", "/a", "claims", dialect="availity")]],
)
def test_validation_accepts_a_summary_event(records: Any) -> None:
    event = json.loads(json.dumps(summary_event(summarise(records), WHO)))
    assert held(event, strict=False) is None
    # Three of the lists aren't in the reference pipeline's closed list.
    assert held(event, strict=True).code == "unknown_field"
    assert held(summary_event(summarise(records), WHO, strict=True), strict=True) is None


def test_a_strict_owner_accepts_a_summary_event(make_sender: MakeSender) -> None:
    sender = make_sender(validation=Validation.STRICT)
    event = summary_event(summarise(RECORDS), WHO, strict=True) | {"ets": now_ms()}
    assert sender.batch(event)["accepted"] == 1
    assert file_all().stored == 1
