"""People and teams: alice is in team A, bob in team B, charlie in none. An operator sees everything."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.event import Event
from events.ownership.owner import Role
from tests.factories import person
from tests.sending import MakeSender, Sender, file_all, log_event, now_ms

EVENTS = "/admin/events/event/"


@pytest.fixture
def team_a(make_sender: MakeSender) -> Sender:
    """A sender of team A."""
    return make_sender("Team A")


@pytest.fixture
def team_b(make_sender: MakeSender) -> Sender:
    """A sender of team B, of the same organization."""
    return make_sender("Team B")


@pytest.fixture
def alice(team_a: Sender) -> Client:
    """A member of team A, logged in."""
    return logged_in(person("alice", team_a.key.default_owner))


@pytest.fixture
def lead(team_a: Sender) -> Client:
    """The lead of team A, logged in."""
    return logged_in(person("lena", team_a.key.default_owner, role=Role.LEAD))


@pytest.fixture
def bob(team_b: Sender) -> Client:
    """A member of team B, logged in."""
    return logged_in(person("bob", team_b.key.default_owner))


@pytest.fixture
def charlie(db: None) -> Client:
    """A person without memberships, logged in."""
    return logged_in(person("charlie"))


@pytest.fixture
def operator(db: None) -> Client:
    """An operator, logged in."""
    return logged_in(person("olga", is_superuser=True))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def filed(sender: Sender, *events: Any) -> Event:
    """Post and file V3 events. Return the owner's newest event."""
    sender.batch(*events)
    file_all()
    found = Event.objects.filter(owner=sender.key.default_owner).first()
    assert found
    return found


def many(count: int, source: str = "portal") -> list[Any]:
    """Return `count` events, one second apart."""
    context = {"channel": "c1", "env": "home", "pdata": {"id": source}, "sid": "s1"}
    return [
        log_event(f"LOG:{source}:{number}", ets=now_ms() - 1000 * number, context=context)
        for number in range(count)
    ]


def page_of(event: Event) -> str:
    return f"{EVENTS}{event.pk}/change/"


def html_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def text_of(html: str) -> str:
    """Return the text of a page without markup."""
    return unescape(re.sub(r"<[^>]+>", "", html))
