"""Everybody walks everywhere: every URL, list, filter, search and form, as everyone there is.

The routes come from the URL configuration, the pages from the admin's registry, the filters from the classes:
what is new is walked without a line here, or fails as unknown.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from tests.factories import person
from tests.security.routes import NOT_POSTED, Route, questions, routes
from tests.security.world import MINE, THEIRS, Side, tells, world
from tests.sending import MakeSender

# Who walks, and of which owners nothing may be seen or changed.
SEES = {
    "operator": (MINE, THEIRS),
    "lead": (MINE,),
    "viewer": (MINE,),
    "lead of another owner": (THEIRS,),
    "member of nothing": (),
    "anonymous": (),
    "secret key": (MINE,),
    "publishable key": (),
}
LEADS = {"lead": MINE, "lead of another owner": THEIRS}
# Whatever a form may want, so that what may not be changed would be.
FORM = {
    "post": "yes",
    "name": "hacked",
    "role": "lead",
    "validation": "strict",
    "revoke": "on",
    "over_quota": "refuse",
    "username": "hacked",
    "reason": "hacked",
    "confirm": "yes",
}
KEYS = ("secret key", "publishable key")


@dataclass
class Walker:
    """Somebody who asks."""

    client: Client
    headers: dict[str, str]

    def ask(self, path: str, method: str = "get", **data: Any) -> tuple[int, str]:
        """Status and body of the answer."""
        response = getattr(self.client, method)(path, data, headers=self.headers)
        # A message that an answer leaves for the next page would tell what this one asked.
        self.client.cookies.pop("messages", None)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return response.status_code, body.decode("utf-8", "replace") + response.headers.get("Location", "")


@pytest.fixture
def sides(make_sender: MakeSender) -> dict[str, Side]:
    return world(make_sender)


def walker(who: str, sides: dict[str, Side]) -> Walker:
    mine, theirs = sides[MINE], sides[THEIRS]
    users = {
        "operator": lambda: person("olga", is_superuser=True),
        "lead": lambda: mine.lead,
        "viewer": lambda: mine.viewer,
        "lead of another owner": lambda: theirs.lead,
        "member of nothing": lambda: person("charlie"),
    }
    client, headers = Client(), {}
    if who in users:
        client.force_login(users[who]())
    if who in KEYS:
        sender = mine.reader if who == "secret key" else mine.sender
        headers["Authorization"] = f"Bearer {sender.text}"
    return Walker(client, headers)


@pytest.mark.parametrize("who", SEES)
def test_nobody_sees_or_changes_what_is_not_theirs(who: str, sides: dict[str, Side]) -> None:
    one = walker(who, sides)
    foreign = [each for word, each in sides.items() if word not in SEES[who]]
    unled = [each for word, each in sides.items() if who != "operator" and LEADS.get(who) != word]
    # What is one's own is looked at; of the others' everything is asked.
    asked_about = foreign or [sides[THEIRS]]
    before = {each.word: each.snapshot() for each in unled}
    told: list[str] = []
    for route in routes():
        if route.pattern == "admin/logout/":
            continue
        for about in sides.values():
            for path in route.paths(about):
                asks = questions(route, about, every_filter=who in KEYS) if about in asked_about else [""]
                for question in asks:
                    asked = f"{path}?{question}" if question else path
                    status, body = one.ask(asked)
                    assert status < 500, asked
                    told += _told(asked, status, body, foreign)
    assert told == [], "\n".join(told[:20])
    for route in _posted():
        for about in unled:
            for path in route.paths(about):
                status, body = one.ask(path, "post", **FORM)
                assert status < 500, path
                told += _told(path, status, body, foreign)
    assert told == [], "\n".join(told[:20])
    for each in unled:
        assert each.snapshot() == before[each.word], f"{who} changed something of {each.word}"


def _told(asked: str, status: int, body: str, foreign: list[Side]) -> list[str]:
    return [f"{asked} ({status}): {hit}" for each in foreign for hit in tells(body, each, asked)]


def _posted() -> list[Route]:
    return [route for route in routes() if route.pattern not in NOT_POSTED]


@pytest.mark.parametrize("who", [who for who in SEES if SEES[who] == (MINE,)])
def test_the_allowed_get_what_is_theirs(who: str, sides: dict[str, Side]) -> None:
    one = walker(who, sides)
    lists = ["/api/v1/events/", "/api/v1/sessions/", "/api/v1/rejected/"]
    if who not in KEYS:
        lists += [f"/admin/events/{name}/" for name in ("event", "session", "owner", "membership", "apikey")]
        lists += ["/admin/events/source/", "/admin/ingestion/rejectedevent/"]
    for path in lists:
        status, body = one.ask(path)
        assert (status, bool(tells(body, sides[MINE], ""))) == (200, True), path
