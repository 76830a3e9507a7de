"""An example of each wire format, for the API's description."""

from typing import Any


def examples(now_ms: int) -> dict[str, Any]:
    """Return an event of each format with the current time, since old events are rejected."""
    return {
        "sunbird": {
            "id": "api.telemetry",
            "ver": "3.0",
            "params": {"msgid": f"batch-{now_ms}"},
            "events": [
                {
                    "eid": "LOG",
                    "ets": now_ms,
                    "ver": "3.0",
                    "mid": f"LOG:{now_ms}",
                    "actor": {"id": "user-17", "type": "User"},
                    "context": {
                        "channel": "school-4",
                        "env": "home",
                        "pdata": {"id": "portal", "ver": "2.1"},
                        "sid": "session-1",
                        "did": "device-9",
                    },
                    "edata": {"type": "system", "level": "INFO", "message": "started"},
                }
            ],
        },
        "availity": {
            "customerId": "1194",
            "contact": "team@example.com",
            "source_system": "eligibility_and_benefits",
            "version": "1",
            "owner": "Eligibility",
            "sessionId": "123-456-789",
            "telemetryBody": {
                "level": "info",
                "entries": {
                    "action": "click",
                    "label": "Submit",
                    "event": "submit",
                    "category": "form",
                    "userId": "aka123",
                },
            },
        },
        "buildless": {
            "collection": "builds",
            "event": {
                "id": f"build{now_ms:015d}",
                "timing": {"occurred": str(now_ms)},
                "context": [{"type": "type.googleapis.com/buildless.context.Build", "event": "started"}],
            },
        },
    }
