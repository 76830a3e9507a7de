"""Senders with a key, events to send, and filing, for tests."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client

from events.event import Event
from events.ownership.api_key import ApiKey
from ingestion import verification
from ingestion.filing.drain import drain
from ingestion.filing.pipeline import Filed

Wire = dict[str, Any]
SUNBIRD = "/data/v3/telemetry"
AVAILITY = "/ms/api/availity/internal/pui/key-delivery/v1/telemetry"
EMIT = "/v1/telemetry/event:emit"
STREAM = "/v1/telemetry/event:stream"


def now_ms() -> int:
    return int(time.time() * 1000)


def log_event(mid: str = "LOG:1", **changes: Any) -> Wire:
    """Return a small valid V3 event; `changes` replace top-level fields."""
    event = {
        "eid": "LOG",
        "ets": now_ms(),
        "ver": "3.0",
        "mid": mid,
        "actor": {"id": "u1", "type": "User"},
        "context": {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "sid": "s1", "did": "d1"},
        "edata": {"type": "system", "level": "INFO", "message": "started"},
    }
    return event | changes


def message(**changes: Any) -> Wire:
    """Return the published Availity example; `changes` replace top-level fields."""
    example = {
        "customerId": "1194",
        "contact": "myteamdistributionlist@availity.com",
        "owner": "YourTeam",
        "source_system": "eligibility_and_benefits",
        "version": "1",
        "payerId": "A123",
        "sessionId": "123-456-789",
        "telemetryBody": {
            "level": "info",
            "entries": {
                "event": "submit",
                "action": "click",
                "label": "Submit",
                "category": "form",
                "elementId": "abc123",
                "userId": "aka123",
            },
        },
    }
    return example | changes


def emitted(event_id: str = "abcdefghij0123456789", **changes: Any) -> Wire:
    """Return a small valid Buildless event; `changes` replace fields of its `event`."""
    event = {
        "id": event_id,
        "timing": {"occurred": str(now_ms())},
        "context": [{"type": "type.googleapis.com/buildless.context.Build", "event": "started"}],
    }
    return {"collection": "builds", "event": event | changes}


@dataclass
class Sender:
    """A client that posts with a key."""

    key: ApiKey
    text: str
    client: Client

    def post(
        self, path: str, body: Any, content_type: str = "application/json", **headers: str
    ) -> Any:  # Django's response with what its test client adds
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.client.post(
            path, data, content_type=content_type, headers={"X-API-Key": self.text} | headers
        )

    def batch(self, *events: Any, **headers: str) -> Wire:
        """Post V3 events and return the `result` of the response."""
        response = self.post(
            SUNBIRD, {"id": "api.telemetry", "ver": "3.0", "events": list(events)}, **headers
        )
        assert response.status_code == 200, response.content
        result: Wire = response.json()["result"]
        return result


MakeSender = Callable[..., Sender]


def file_all() -> Filed:
    """Drain the inbox, and check that tables and counters agree."""
    done = drain()
    assert differences() == []
    return done


def differences() -> list[verification.Difference]:
    """Verify only the kinds that have events: verifying all kinds takes longer than most tests."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM events_event UNION SELECT kind FROM events_usagehour")
        kinds = {"", *(kind for (kind,) in cursor.fetchall())}
    checks = [check for check in verification.CHECKS if check.kind in kinds]
    return [difference for difference in verification.differences(checks) if difference]


def only_event() -> Event:
    """Return the only stored event."""
    return Event.objects.select_related("owner", "source").get()
