"""Warnings about whole sessions: several actors, reused event IDs."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from events.sessions.session import Session
from events.sessions.summary import MAX_ACTORS, summarise
from tests.sending import EMIT, MakeSender, Sender, emitted, file_all, log_event, now_ms
from tests.sessions.records import at
from tests.sessions.stored import summarise_all, summarise_due

pytestmark = pytest.mark.django_db


def of(*actors: str | None, **columns: Any) -> int:
    """Return the number of actors of a session with events of these actors."""
    return summarise(at(n, "log", actor=actor, **columns) for n, actor in enumerate(actors)).actors


@pytest.mark.parametrize(
    ("actors", "count"),
    [
        ((None,), 0),
        (("u1", "u1", None), 1),
        (("u1", "u2", "u1"), 2),
        (("anonymous", "u1", "Anonymous"), 1),
        (("d1", "u1"), 1),  # the device's ID as actor before a login
        (tuple(f"u{n}" for n in range(MAX_ACTORS + 5)), MAX_ACTORS),
    ],
)
def test_actors_are_counted_without_anonymous_ones(actors: tuple[str | None, ...], count: int) -> None:
    assert of(*actors, device="d1") == count


def send(sender: Sender, *events: Any) -> Session:
    for event in events:
        sender.batch(event)
    file_all()
    summarise_due()
    return Session.objects.get()


def test_a_session_with_several_actors_has_a_warning(sender: Sender, admin_client: Client) -> None:
    session = send(
        sender,
        log_event("1"),
        log_event("2", actor={"id": "u2", "type": "User"}),
        log_event("3", actor={"id": "undefined", "type": "User"}),
    )

    assert [(each.path, each.code) for each in session.warnings()] == [("actor.id", "several_actors")]
    page = admin_client.get(reverse("admin:events_session_change", args=[session.pk])).content.decode()
    assert "1 other actor" in page


def test_an_event_id_reused_at_another_time_is_counted(sender: Sender) -> None:
    ms = now_ms()

    session = send(sender, *(log_event("same", ets=ms - n) for n in range(3)), log_event("another"))

    assert (session.events, session.reused_ids) == (4, 2)
    assert [(each.path, each.code) for each in session.warnings()] == [("mid", "reused_id")]


def test_a_duplicate_causes_no_warning(sender: Sender) -> None:
    event = log_event("same")

    session = send(sender, event, event)

    assert (session.events, session.reused_ids) == (1, 0)


def test_a_reused_id_of_a_buildless_event_is_counted(sender: Sender) -> None:
    for n in range(2):
        sent = emitted(timing={"occurred": str(now_ms() - n)}) | {"scope": "build-1"}
        assert sender.post(EMIT, sent).status_code == 200
    file_all()
    summarise_due()

    (found,) = Session.objects.get().warnings()
    assert (found.path, found.code) == ("event.id", "reused_id")


def test_the_same_event_id_of_another_owner_causes_no_warning(make_sender: MakeSender) -> None:
    for n, name in enumerate(("One", "Two")):
        make_sender(name).batch(log_event("same", ets=now_ms() - n))
    file_all()
    summarise_due()

    assert set(Session.objects.values_list("reused_ids", flat=True)) == {0}


def test_computing_sessions_again_changes_nothing(sender: Sender) -> None:
    ms = now_ms()
    send(sender, log_event("same", ets=ms), log_event("same", ets=ms - 5, actor={"id": "u2", "type": ""}))
    before = list(Session.objects.values())

    summarise_all()

    assert list(Session.objects.values()) == before
    assert (before[0]["actors"], before[0]["reused_ids"]) == (2, 1)


def test_the_api_lists_the_warnings_of_a_session(sender: Sender, admin_client: Client) -> None:
    ms = now_ms()
    session = send(
        sender, log_event("same", ets=ms), log_event("same", ets=ms - 5, actor={"id": "u2", "type": ""})
    )

    found = admin_client.get(reverse("session-detail", args=[session.pk])).json()

    assert (found["actors"], found["reused_ids"]) == (2, 1)
    assert found["warnings"] == [
        {"path": "actor.id", "code": "several_actors", "example": "2 actors"},
        {"path": "mid", "code": "reused_id", "example": "1 event"},
    ]


@pytest.mark.parametrize(("code", "is_listed"), [("several_actors", True), ("reused_id", False)])
def test_the_list_of_sessions_can_be_narrowed_to_a_warning(
    sender: Sender, admin_client: Client, code: str, is_listed: bool
) -> None:
    session = send(sender, log_event("1"), log_event("2", actor={"id": "u2", "type": "User"}))

    page = admin_client.get(reverse("admin:events_session_changelist"), {"warning": code})

    link = reverse("admin:events_session_change", args=[session.pk])
    assert (link in page.content.decode()) is is_listed
