"""The filter by bots in the admin's lists and the read API: events, events of a kind, sessions."""

import re

import pytest
from django.test import Client

from events.event import Event
from events.sessions.session import Session
from tests.admin.conftest import html_of
from tests.enrichment.test_agents import GOOGLEBOT, PIXEL
from tests.sending import Sender, file_all, log_event
from tests.summarising import summarise_sessions

AGENTS = {"bot": GOOGLEBOT, "person": PIXEL, "nobody": ""}


@pytest.fixture
def three(team_a: Sender) -> None:
    """Three events, each in a session: by a bot, by a person, and without a user agent."""
    for name, agent in AGENTS.items():
        event = log_event(name, actor={"id": f"actor {name}", "type": "User"})
        event["context"] |= {"sid": f"session {name}"}
        team_a.batch(event, **({"User-Agent": agent} if agent else {}))
    file_all()
    summarise_sessions()


@pytest.mark.parametrize("page", ["event", "log"])
def test_lists_of_events_show_only_bots_or_none(three: None, lead: Client, page: str) -> None:
    for flag, names in (("", {"bot", "person", "nobody"}), ("yes", {"bot"}), ("no", {"person", "nobody"})):
        html = html_of(lead, f"/admin/events/{page}/?is_bot={flag}")
        assert {name for name in AGENTS if f"actor {name}" in html} == names, flag


def test_exports_of_lists_apply_the_filter(three: None, lead: Client) -> None:
    text = lead.get("/admin/events/event/export.csv?is_bot=yes").content.decode()
    assert [name for name in AGENTS if f"actor {name}" in text] == ["bot"]


def test_the_list_of_sessions_shows_only_bots_or_none_and_marks_them(three: None, lead: Client) -> None:
    ids = dict(Session.objects.values_list("session", "pk"))
    for flag, names in (("", {"bot", "person", "nobody"}), ("yes", {"bot"}), ("no", {"person", "nobody"})):
        html = html_of(lead, f"/admin/events/session/?is_bot={flag}")
        assert {name for name in AGENTS if str(ids[f"session {name}"]) in html} == names, flag
        assert html.count(">bot</small>") == len(names & {"bot"})


def test_a_sessions_page_says_if_it_belongs_to_a_bot(three: None, lead: Client) -> None:
    for name, words in (("bot", "yes"), ("person", "no")):
        session = Session.objects.get(session=f"session {name}")
        html = html_of(lead, f"/admin/events/session/{session.pk}/change/")
        assert re.search(rf'id="fact-\d+-is_bot">{words}</span>', html), name


@pytest.mark.parametrize("path", ["events", "kinds/log", "sessions"])
def test_the_api_filters_by_bots(three: None, lead: Client, path: str) -> None:
    for flag, names in (("true", {"bot"}), ("false", {"person", "nobody"})):
        results = lead.get(f"/api/v1/{path}/", {"is_bot": flag}).json()["results"]
        assert {row["session"].removeprefix("session ") for row in results} == names, flag
    refused = lead.get(f"/api/v1/{path}/", {"is_bot": "maybe"})
    assert refused.status_code == 400
    assert "is_bot" in refused.content.decode()


def test_sessions_and_events_of_the_api_have_is_bot(three: None, lead: Client) -> None:
    rows = lead.get("/api/v1/sessions/", {"fields": "session,is_bot"}).json()["results"]
    assert {row["session"]: row["is_bot"] for row in rows} == {
        "session bot": True,
        "session person": False,
        "session nobody": False,
    }
    bot = Event.objects.get(session="session bot")
    assert lead.get(f"/api/v1/events/{bot.pk}/").json()["is_bot"] is True
