"""A session of a Sunbird application: its clock, its envelope, the events that happened so far."""

import random
from typing import Any
from uuid import UUID

from telemetry_project.demo.people import Person

Wire = Any


class Session:
    """What one actor does in one application at a time. Times are in milliseconds since 1970."""

    def __init__(
        self, rng: random.Random, person: Person, began: int, pdata: dict[str, str], channel: str
    ) -> None:
        self.rng = rng
        self.person = person
        self.now = self.began = began
        self.events: list[dict[str, Wire]] = []
        self.pdata = pdata
        self.channel = channel
        self.id = str(UUID(int=rng.getrandbits(128), version=4))
        self.actor = {"id": person.id, "type": "User"}
        self.correlation: list[dict[str, str]] = []
        self.object: dict[str, Wire] = {}
        self.page = "home"

    def wait(self, low: float, high: float) -> None:
        """Let some seconds pass."""
        self.now += int(self.rng.uniform(low, high) * 1000)

    def maybe(self, chance: float) -> bool:
        """Whether something of this chance happens."""
        return self.rng.random() < chance

    def say(self, eid: str, env: str, **edata: Wire) -> dict[str, Wire]:
        """An event happens now; it is about the session's object."""
        event = {
            "eid": eid,
            "ets": self.now + self.person.clock_ahead_ms,
            "ver": "3.0",
            "mid": f"{eid}:{self.rng.getrandbits(128):032x}",
            "actor": self.actor,
            "context": self._context(env),
            "object": self.object,
            "tags": [],
            "edata": edata,
        }
        self.events.append(event)
        return event

    def _context(self, env: str) -> dict[str, Wire]:
        return {
            "channel": self.channel,
            "env": env,
            "pdata": self.pdata,
            "sid": self.id,
            "did": self.person.device,
            "cdata": self.correlation,
            "rollup": {"l1": self.channel},
        }

    def seconds(self) -> float:
        """How long it has lasted."""
        return round((self.now - self.began) / 1000, 2)

    def count(self, eid: str) -> int:
        """How many events of a kind there were."""
        return sum(event["eid"] == eid for event in self.events)
