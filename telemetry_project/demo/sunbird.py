"""Sessions of Sunbird applications: their envelope, and the metrics of the content service."""

import random
from collections.abc import Iterator
from uuid import UUID

from events.wire.values import Wire
from telemetry_project.demo.catalogue import CONTENT_SERVICE, CONTENTS, SILENT_FROM
from telemetry_project.demo.people import PLACES, Person
from telemetry_project.demo.rhythm import HOUR_MS, MINUTE_MS, Period


class Session:
    """The activity of one actor in one application. Times are in milliseconds since 1970."""

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
        """Return True with this chance."""
        return self.rng.random() < chance

    def say(self, eid: str, env: str, **edata: Wire) -> dict[str, Wire]:
        """Build an event at the current time, about the session's object."""
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
        """Return its duration so far."""
        return round((self.now - self.began) / 1000, 2)

    def count(self, eid: str) -> int:
        """Return its number of events of a kind."""
        return sum(event["eid"] == eid for event in self.events)


EVERY_MINUTES = (5, 15, 30, 60, 120, 240, 480, 720)
LIFE_CYCLE = ("Draft", "Review", "Live", "Retired")
_ROUTES = ("/content/v1/read", "/content/v1/search", "/course/v1/enrol")


def reports(rng: random.Random, period: Period, budget: int) -> Iterator[list[dict[str, Wire]]]:
    """Yield the service's events in batches, about `budget` in all, none in the last part of the period."""
    until = period.recent.at(SILENT_FROM)
    every = _interval((until - period.since) / max(budget / 3, 1))
    for turn, at in enumerate(range(period.since + rng.randrange(every), until, every)):
        yield _report(rng, period, turn, at)


def _interval(wanted_ms: float) -> int:
    """Return the nearest interval that a person would configure, in milliseconds."""
    return min((minutes * MINUTE_MS for minutes in EVERY_MINUTES), key=lambda ms: abs(ms - wanted_ms))


def _report(rng: random.Random, period: Period, turn: int, at: int) -> list[dict[str, Wire]]:
    release = CONTENT_SERVICE.release_at(period, at)
    host = Person(
        f"content-service-{turn % 2 + 1}", PLACES[0], f"node-{turn % 2 + 1}", "", "", "", "", 0, False, 0, 0
    )
    pdata = {"id": CONTENT_SERVICE.source, "pid": "content-service", "ver": release.version}
    session = Session(rng, host, at, pdata, "demo-schools")
    session.id = f"{host.id}-{(at - period.since) // (24 * HOUR_MS)}"
    session.actor = {"id": host.id, "type": "System"}
    session.say("HEARTBEAT", "service", uptime=(at - period.since) // 1000, healthy=True)
    if turn % 2 == 0:
        _measure(session, at)
    _log(session, release.errors)
    if turn % 6 == 1:
        _change(session, turn // 6)
    return session.events


def _measure(session: Session, at: int) -> None:
    load = 1 + (at // HOUR_MS % 24) / 12
    session.say(
        "METRICS",
        "service",
        system="content-service",
        subsystem="api",
        metrics=[
            {"metric": "requests", "value": int(session.rng.gauss(900, 120) * load)},
            {"metric": "latency_p95_ms", "value": round(session.rng.gauss(140, 20) * load, 1)},
            {"metric": "queue_depth", "value": max(0, int(session.rng.gauss(4, 6)))},
        ],
    )


def _log(session: Session, errors: float) -> None:
    session.wait(1, 50)
    level = session.rng.choices(("ERROR", "WARN", "INFO", "DEBUG"), (errors, 0.08, 0.7, 0.15))[0]
    route = session.rng.choice(_ROUTES)
    status = {"ERROR": 500, "WARN": 429}.get(level, 200)
    session.say(
        "LOG",
        "service",
        type="api_access",
        level=level,
        message=f"{route} answered {status}",
        params=[{"url": route}, {"status": status}, {"duration": session.rng.randint(8, 400)}],
    )


def _change(session: Session, turn: int) -> None:
    content = CONTENTS[turn % len(CONTENTS)]
    step = turn // len(CONTENTS) % (len(LIFE_CYCLE) - 1)
    session.object = {"id": content.id, "type": "Content", "ver": content.version}
    session.say(
        "AUDIT",
        "service",
        props=["status"],
        state=LIFE_CYCLE[step + 1],
        prevstate=LIFE_CYCLE[step],
        type="status",
        duration=session.rng.randint(3_600, 200_000),
    )
