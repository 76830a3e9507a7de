"""A Buildless event with every field that a client may set."""

import time
from base64 import b64encode
from copy import deepcopy
from hashlib import sha256
from typing import Any

from telemetry_project.stack.paths import REPOSITORY

Wire = dict[str, Any]
PROTO = REPOSITORY / "ingestion" / "dialects" / "buildless.proto"
VERSION = {"major": 1, "minor": 2, "micro": 3, "build": "b", "rc": "rc1", "commit": "c0ffee", "tag": "v1.2.3"}


def event() -> Wire:
    """Return an event with every field that a client may set, as proto3 JSON."""
    version = {**VERSION, "spec": "1.2.3-ü", "release": str(2**64 - 1)}
    return {
        "collection": "builds",
        "fin": True,
        "index": 2**32 - 1,
        "scope": "ci-build-77",
        "event": {
            "id": "abcdef0123456789",
            "context": [
                {
                    "type": "type.googleapis.com/buildless.context.build",
                    "resource": "build::77",
                    "action": "finish",
                    "event": "finished",
                },
                {"type": "type.googleapis.com/buildless.context.cache", "event": "hit"},
            ],
            "detail": {
                "tenant": {"oid": 7, "name": "acme"},
                "user": {
                    "uid": "u1",
                    "email": b64encode(sha256(b"a@example.com").digest()).decode(),
                    "username": "alice",
                },
                "repository": {"provider": "GITHUB", "link": "https://example.com/r?a=1&b=2", "name": "a/r"},
                "client": {
                    "tool": [{"name": "gradle", "version": version}, {"name": "jdk"}],
                    "os": {"name": "debian", "family": "LINUX", "arch": "X86", "version": version},
                    "agent": {"name": "cli", "version": version},
                },
            },
            "timing": {"occurred": str(int(time.time() * 1000))},
            "location": {
                "timezone": "Europe/Berlin",
                "point": {"lat": 52.5, "lon": 13},
                "locality": "Berlin",
                "region": "BE",
                "country": "DE",
                "edge": "fra",
            },
            "timer": b64encode(bytes(range(32))).decode(),
            "ordinal": 12,
            "data": {
                "@type": "type.example.com/acme.Custom",
                "value": b64encode(b"\x0a\x03\x00\xff!").decode(),
            },
        },
    }


def without_lists(whole: Wire) -> Wire:
    """Return the event without fields that query parameters can't express."""
    rest = deepcopy(whole)
    del rest["event"]["context"], rest["event"]["detail"]["client"]["tool"]
    return rest
