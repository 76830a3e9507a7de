"""Work in an insurance portal (Availity): JSON as documented, forms as the browser client sends them."""

import random
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from events.wire.values import Wire
from telemetry_project.demo import posting
from telemetry_project.demo.catalogue import ELIGIBILITY
from telemetry_project.demo.people import Crowd, Person
from telemetry_project.demo.posting import Post, again
from telemetry_project.demo.rhythm import Period, Rhythm

CONTACT = "key-delivery@demo.example"
CUSTOMERS = ("1194", "2210", "3371", "4805", "5120", "6612")
PAYERS = ("A123", "B440", "C918", "D007")


class Step(NamedTuple):
    """An action of a user on the page."""

    event: str
    action: str
    label: str
    category: str
    element: str
    chance: float


STEPS = (
    Step("focus", "focus", "Member ID", "form", "memberId", 0.8),
    Step("blur", "blur", "Member ID", "form", "memberId", 0.5),
    Step("api", "click", "Check eligibility", "form", "check", 0.9),
    Step("api", "hover", "Plan details", "results", "planDetails", 0.35),
    Step("redirect", "click", "Start authorization", "results", "startAuth", 0.25),
    Step("submit", "click", "Submit", "form", "submit", 0.6),
    Step("reset", "click", "Clear", "form", "clear", 0.15),
)


class Desk:
    """Generates work sessions and their posts."""

    def __init__(self, rng: random.Random, owner: str, crowd: Crowd, period: Period) -> None:
        self.rng = rng
        self.owner = owner
        self.crowd = crowd
        self.period = period
        self.turn = 0  # messages so far

    def session(self, rhythm: Rhythm, person: Person) -> Iterator[Post]:
        """Yield the posts of one session: the page is loaded, then used."""
        now = rhythm.draw(self.rng)
        session = f"{self.rng.getrandbits(40):010x}"
        payer = self.rng.choice(PAYERS)
        by_form = self.rng.random() < 0.55
        release = ELIGIBILITY.release_at(self.period, now)
        load = Step("page", "load", "page-load", ELIGIBILITY.source, "", 1)
        steps = [load, *(step for step in STEPS if self.rng.random() < step.chance)]
        if self.rng.random() < release.errors:
            steps.append(Step("api", "click", "Eligibility could not be checked", "alert", "check", 1))
        for step in steps:
            message = self._message(step, person, session, payer, release.version, by_form=by_form)
            yield from self._posts(message, person, now, by_form=by_form)
            now += self.rng.randint(900, 38_000)

    def _message(
        self, step: Step, person: Person, session: str, payer: str, version: str, *, by_form: bool
    ) -> dict[str, Wire]:
        loads = step.action == "load"
        level = "error" if step.category == "alert" else "info"
        if self.rng.random() < 0.04:
            level = "warn"
        entries = {
            "event": step.event,
            "action": step.action,
            "label": step.label,
            "category": step.category,
            "userId": f"aka{person.device[:6]}",
            "appVersion": version,
        }
        if step.element:
            entries["elemId" if by_form else "elementId"] = step.element
        if loads:
            entries["url"] = "https://apps.demo.example/public/apps/eligibility/#/search"
        message: dict[str, Wire] = {
            "customerId": "0000" if loads else CUSTOMERS[int(person.device[0], 16) % len(CUSTOMERS)],
            "contact": CONTACT,
            "owner": self.owner,
            "source_system": ELIGIBILITY.source,
            "version": "v1" if by_form else "1",
            "sessionId": session,
            "telemetryBody": {"level": level, "entries": entries},
        }
        if not loads:
            message["payerId"] = payer
        return message

    def _posts(self, message: dict[str, Wire], person: Person, now: int, *, by_form: bool) -> Iterator[Post]:
        self.turn += 1
        if by_form and self.turn % 9 == 0:
            del message["owner"]  # older browser clients send none
        if posting.is_spoilt(self.turn):
            by_form = False
            del message["customerId"]
        post = Post(
            received_ms=now + self.rng.randint(40, 700),
            owner=self.owner,
            dialect="availity",
            encoding="form" if by_form else "json",
            body=form(message) if by_form else msgspec.json.encode(message),
            # A browser's beacon can't send one. All do here, so that the same seed makes the same ids.
            context={"idempotency_key": f"{self.rng.getrandbits(96):024x}", **person.sent_from()},
        )
        yield post
        if self.turn % 150 == 20:
            yield again(post, 4_000)


def form(message: dict[str, Wire]) -> bytes:
    """Flatten a message as the browser client does: plain dotted names, percent-encoded values."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in _flat(message)).encode()


def _flat(value: dict[str, Wire], above: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if type(item) is dict:
            yield from _flat(item, f"{above}{key}.")
        else:
            yield above + key, str(item)
