"""Builds on developers' machines and in CI, with a remote cache, in every encoding (Buildless)."""

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from urllib.parse import urlencode

import msgspec
from google.protobuf import json_format

from events.wire.values import Wire
from ingestion.dialects import buildless_pb2
from telemetry_project.demo import posting
from telemetry_project.demo.catalogue import BUILD_CACHE
from telemetry_project.demo.people import Crowd, Person
from telemetry_project.demo.posting import Post, again
from telemetry_project.demo.rhythm import Period, Rhythm

CONTEXT = "type.googleapis.com/buildless.context."
REPOSITORIES = ("demo/portal", "demo/content-service", "demo/mobile")
SYSTEMS = (("linux", "LINUX", "X86"), ("macOS", "DARWIN", "ARM"), ("windows", "WINDOWS", "X86"))
CI = 0.4  # share of builds that run in CI and are sent as one stream
TASKS = ("compile", "test", "lint", "package", "image")


class Builds:
    """Yield the posts of one build: it begins, queries the cache for its tasks, and ends."""

    def __init__(self, rng: random.Random, owner: str, crowd: Crowd, period: Period) -> None:
        self.rng = rng
        self.owner = owner
        self.crowd = crowd
        self.period = period
        self.alone = 0  # builds so far that were not sent as a stream
        self.turn = 0  # events so far

    def build(self, rhythm: Rhythm, person: Person) -> Iterator[Post]:
        """Yield the posts of one build: it begins, queries the cache for its tasks, and ends."""
        began = rhythm.draw(self.rng)
        in_ci = self.rng.random() < CI
        encoding = "ndjson" if in_ci else ENCODINGS[self.alone % len(ENCODINGS)]
        self.alone += not in_ci
        events = self._events(began, person, in_ci=in_ci)
        if encoding == "ndjson":
            last = _occurred(events[-1])
            body = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
            yield Post(
                last + self.rng.randint(300, 3_000), self.owner, "buildless", "ndjson", body, len(events)
            )
            return
        for event in events:
            yield from self._alone(event, encoding)

    def _alone(self, event: dict[str, Wire], encoding: str) -> Iterator[Post]:
        body = ENCODERS[encoding](event)
        received = _occurred(event) + self.rng.randint(100, 1_500)
        post = Post(received, self.owner, "buildless", encoding, body)
        yield post
        if self.turn % 70 == 9:
            yield again(post, 2_500)

    def _events(self, began: int, person: Person, *, in_ci: bool) -> list[dict[str, Wire]]:
        release = BUILD_CACHE.release_at(self.period, began - person.lag_ms)
        build = f"{self.rng.getrandbits(48):012x}"
        base = self._base(build, person, release.version, in_ci=in_ci)
        failed = self.rng.random() < release.errors
        names = ["BUILD_STARTED", *(["CACHE_HIT", "CACHE_MISS"][self.rng.random() < 0.3] for _ in TASKS)]
        names = names[: self.rng.randint(3, len(names))]
        names += ["CACHE_UNREACHABLE"] if failed else []
        names.append("BUILD_FAILED" if failed else "BUILD_FINISHED")
        events, now = [], began
        for index, name in enumerate(names):
            events.append(self._event(base, build, name, index, now, final=index == len(names) - 1))
            now += self.rng.randint(300, 45_000)
        return events

    def _base(self, build: str, person: Person, version: str, *, in_ci: bool) -> dict[str, Wire]:
        major, minor, micro = (int(part) for part in version.split("."))
        name, family, architecture = SYSTEMS[0 if in_ci else int(person.device[1], 16) % len(SYSTEMS)]
        repository = self.rng.choice(REPOSITORIES)
        tool = {"name": "gradle", "version": {"major": 8, "minor": 7, "spec": "8.7"}}
        agent = {"name": BUILD_CACHE.source, "version": {"major": major, "minor": minor, "micro": micro}}
        link = f"https://git.demo.example/{repository}"
        detail: dict[str, Wire] = {
            "repository": {"provider": "GITHUB", "link": link, "name": repository},
            "client": {
                "tool": [tool],
                "os": {"name": name, "family": family, "arch": architecture},
                "agent": agent,
            },
        }
        if not in_ci:
            email = b64encode(sha256(f"{person.id}@demo.example".encode()).digest()).decode()
            detail["user"] = {"uid": f"usr_{person.device[:10]}", "email": email}
        place = person.place
        location: dict[str, Wire] = {"timezone": place.zone, "country": place.country, "region": place.region}
        location |= {"locality": place.town, "point": {"lat": place.latitude, "lon": place.longitude}}
        timer = b64encode(bytes.fromhex(build)).decode()
        return {
            "collection": "builds" if in_ci else "localbuilds",
            "scope": build,
            "event": {"detail": detail, "location": location, "timer": timer},
        }

    def _event(
        self, base: dict[str, Wire], build: str, name: str, index: int, now: int, *, final: bool
    ) -> dict[str, Wire]:
        self.turn += 1
        about = {"type": f"{CONTEXT}Build", "resource": f"build::{build}", "action": "run", "event": name}
        if name.startswith("CACHE"):
            task = TASKS[(index - 1) % len(TASKS)]
            about = {"type": f"{CONTEXT}Cache", "resource": f"task::{task}", "action": "get", "event": name}
        event = {
            "id": f"{self.rng.getrandbits(96):024x}",
            "context": [about],
            "timing": {"occurred": str(now)},
            "ordinal": index,
            **base["event"],
        }
        if posting.is_spoilt(self.turn):
            event["id"] = event["id"][:8]  # shorter than ids may be
        return {**base, "fin": final, "index": index, "event": event}


def _occurred(event: dict[str, Wire]) -> int:
    return int(event["event"]["timing"]["occurred"])


def query(event: dict[str, Wire]) -> bytes:
    """Encode an event as dotted query parameters, which can't contain lists."""
    return urlencode(list(_flat(event))).encode()


def _flat(value: dict[str, Wire], above: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if type(item) is dict:
            yield from _flat(item, f"{above}{key}.")
        elif type(item) is bool:
            yield above + key, str(item).lower()
        elif type(item) is not list:
            yield above + key, str(item)


def protobuf(event: dict[str, Wire]) -> bytes:
    """Encode an event in binary."""
    message = json_format.ParseDict(event, buildless_pb2.Event())
    body: bytes = message.SerializeToString(deterministic=True)
    return body


ENCODERS: dict[str, Callable[[dict[str, Wire]], bytes]] = {
    "json": msgspec.json.encode,
    "query": query,
    "protobuf": protobuf,
}
ENCODINGS = tuple(ENCODERS)
