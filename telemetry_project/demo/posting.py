"""Posts: the requests of the demo's applications. A few contain errors or are sent twice."""

import gzip
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import msgspec

from events.identity import moment
from events.wire.values import Wire
from ingestion.receiving.context import of_clock

NOWHERE: Mapping[str, str] = {}
BATCH = 20  # events that the Sunbird SDK sends at once


@dataclass(frozen=True, slots=True)
class Post:
    """One request: owner, time of arrival, encoding, and body as on the wire."""

    received_ms: int
    owner: str
    dialect: str
    encoding: str
    body: bytes
    events: int = 1
    content_encoding: str = ""
    context: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sunbird:
    """Sends a session's events in batches like the SDK: when one is full, and at the end."""

    rng: random.Random
    owner: str
    compress: bool
    context: dict[str, str] = field(default_factory=dict)
    batches: int = 0  # so far
    events: int = 0  # so far

    def posts(
        self, events: list[dict[str, Wire]], late_ms: int = 0, sent_from: Mapping[str, str] = NOWHERE
    ) -> Iterator[Post]:
        """Yield the posts of a session's events. Each arrives `late_ms` after its last event."""
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            last = max(event["ets"] for event in batch)
            received = last + late_ms + self.rng.randint(200, 2_600)
            self._spoil(batch)
            body = self._body(batch, last)
            post = Post(
                received_ms=received,
                owner=self.owner,
                dialect="sunbird",
                encoding="json",
                body=gzip.compress(body, 6, mtime=0) if self.compress else body,
                events=len(batch),
                content_encoding="gzip" if self.compress else "",
                context={**self.context, **of_clock(last, moment(received)), **sent_from},
            )
            yield post
            self.batches += 1
            if self.batches % 60 == 3:
                # The answer got lost, so the client repeats a request that was already accepted.
                yield again(post, 31_000)

    def _spoil(self, batch: list[dict[str, Wire]]) -> None:
        for event in batch:
            self.events += 1
            if is_spoilt(self.events):
                spoil(event, self.events)

    def _body(self, batch: list[dict[str, Wire]], last: int) -> bytes:
        return msgspec.json.encode(
            {
                "id": "api.sunbird.telemetry",
                "ver": "3.0",
                "params": {"msgid": str(UUID(int=self.rng.getrandbits(128), version=4))},
                "ets": last,
                "events": batch,
            }
        )


def again(post: Post, after_ms: int) -> Post:
    """Return the same request again."""
    return replace(post, received_ms=post.received_ms + after_ms)


EVERY = 110
FIRST = 35  # so that a small demo has some


def _unknown_kind(event: dict[str, Wire]) -> None:
    event["eid"] = "SCROLLED"


def _no_type(event: dict[str, Wire]) -> None:
    event["edata"] = {key: value for key, value in event["edata"].items() if key != "type"}
    event["eid"] = "INTERACT"


def _no_mid(event: dict[str, Wire]) -> None:
    del event["mid"]


def _old_clock(event: dict[str, Wire]) -> None:
    """Set the clock of a device to 2010, as after its battery ran out."""
    event["ets"] = 1_262_304_000_000 + event["ets"] % 1_000_000


def _no_edata(event: dict[str, Wire]) -> None:
    event["edata"] = "lost"


SUNBIRD: tuple[Callable[[dict[str, Wire]], None], ...] = (
    _unknown_kind,
    _no_type,
    _no_mid,
    _no_type,
    _old_clock,
    _no_edata,
)


def is_spoilt(turn: int) -> bool:
    """True if the event with this number is an invalid one."""
    return turn % EVERY == FIRST


def spoil(event: dict[str, Wire], turn: int) -> None:
    """Give a Sunbird event the next error in turn."""
    SUNBIRD[turn // EVERY % len(SUNBIRD)](event)
