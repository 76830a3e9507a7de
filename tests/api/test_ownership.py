"""Owners and sources in the read API: only those of the reader."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from events.ownership.api_key import KeyType
from events.store.usage import UsageHour
from tests.api.test_events import get
from tests.factories import person
from tests.sending import MakeSender, Sender, file_all, log_event

OWNERS, SOURCES = "/api/v1/owners/", "/api/v1/sources/"


def names(client: Client, url: str, key: str, **params: str) -> list[str]:
    return [row["name"] for row in get(client, url, key, **params).json()["results"]]


def from_source(name: str, mid: str = "m") -> dict[str, object]:
    context = {"channel": "c1", "env": "home", "pdata": {"id": name}, "sid": "s1", "did": "d1"}
    return log_event(f"{name}:{mid}", context=context)


@pytest.fixture
def alice(make_sender: MakeSender) -> Sender:
    return make_sender("A", kind=KeyType.SECRET)


@pytest.fixture
def bob(make_sender: MakeSender) -> Sender:
    return make_sender("B", kind=KeyType.SECRET)


def test_a_key_sees_the_owners_it_may_read(make_sender: MakeSender, client: Client, alice: Sender) -> None:
    wide = make_sender("B", kind=KeyType.SECRET, owners="all")
    stranger = make_sender("C", kind=KeyType.SECRET, owners="all", organization_slug="elsewhere")
    assert names(client, OWNERS, alice.text) == ["A"]
    assert names(client, OWNERS, wide.text) == ["A", "B"]
    assert names(client, OWNERS, stranger.text) == ["C"]
    assert names(client, OWNERS, wide.text, name="b") == ["B"]
    assert names(client, OWNERS, alice.text, name="B") == []


def test_a_person_sees_owners_they_are_a_member_of(client: Client, alice: Sender, bob: Sender) -> None:
    client.force_login(person("alice", alice.key.default_owner))
    assert names(client, OWNERS, "") == ["A"]
    client.force_login(person("charlie"))
    assert names(client, OWNERS, "") == names(client, SOURCES, "") == []
    client.force_login(person("olga", is_superuser=True))
    assert names(client, OWNERS, "") == ["A", "B"]


def test_sources_are_those_that_sent_to_the_readers_owners(
    client: Client, alice: Sender, bob: Sender
) -> None:
    alice.batch(from_source("shared"), from_source("of A", "1"), from_source("of A", "2"))
    bob.batch(from_source("shared"), from_source("of B"))
    file_all()
    assert names(client, SOURCES, alice.text) == ["of A", "shared"]
    assert names(client, SOURCES, bob.text) == ["of B", "shared"]
    assert names(client, SOURCES, bob.text, name="OF a") == []
    assert names(client, SOURCES, alice.text, owner="B") == []
    counts = {row["name"]: row["stored"] for row in get(client, SOURCES, alice.text).json()["results"]}
    assert counts == {"of A": 2, "shared": 1}


def test_a_long_silent_source_is_listed_on_request(client: Client, alice: Sender) -> None:
    alice.batch(from_source("old"))
    file_all()
    heard = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=92)
    UsageHour.objects.update(hour=heard)
    assert names(client, SOURCES, alice.text) == []
    assert names(client, SOURCES, alice.text, since=heard.isoformat()) == ["old"]


@pytest.mark.parametrize("url", [OWNERS, SOURCES])
def test_owners_and_sources_are_listed_in_pages(make_sender: MakeSender, client: Client, url: str) -> None:
    sender = make_sender("N0", kind=KeyType.SECRET, owners="all")
    for number in range(1, 5):
        make_sender(f"N{number}")
    sender.batch(*(from_source(f"N{number}") for number in range(5)))
    file_all()
    pages = [get(client, url, sender.text, page_size=2).json()]
    while pages[-1]["next"]:
        pages.append(get(client, pages[-1]["next"], sender.text).json())
    assert [[row["name"] for row in page["results"]] for page in pages] == [
        ["N0", "N1"],
        ["N2", "N3"],
        ["N4"],
    ]
    assert get(client, pages[-1]["previous"], sender.text).json() == pages[1] | {
        "previous": get(client, pages[-1]["previous"], sender.text).json()["previous"]
    }
