"""Bots are left out of figures about people, counted as events, shown by a filter, and always mentioned."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events.enrichment import agent
from events.event import Event
from events.sessions.session import Session
from reports.digests import sentences
from reports.figures.errors import errors
from reports.figures.funnel import funnel, step_of
from reports.figures.overview import overview
from reports.figures.sessions import sessions
from reports.figures.single_events import comments
from reports.filters import Bots, Filters
from reports.pages import bots as said
from reports.pages.links import for_lists, for_reports
from reports.pages.registry import PAGES
from reports.periods import preset
from reports.query.datasets import CONTENTS, ENDS, QUESTIONS, RATINGS, SEARCHES
from reports.query.planner import answer
from reports.query.query import Query
from reports.rollups import verification
from reports.rollups.rebuilding import steps
from tests.admin.conftest import html_of
from tests.digests.test_hostile_content import facts
from tests.enrichment.test_agents import GOOGLEBOT, PIXEL
from tests.enrichment.test_reenriching import reenrich
from tests.reports.asked import context, csv_of
from tests.reports.asked import filters as of_all
from tests.reports.test_overview import UTC_ZONE
from tests.rollups.recomputed import dump, fold_due, rebuild
from tests.sending import Sender, file_all, log_event, now_ms
from tests.sessions.stored import summarise_all, summarise_due

PEOPLE, ROBOTS = 2, 3


def visit(who: str, ms: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a session: pages, an error, a content, an answer, feedback, a search."""
    edata: list[tuple[str, dict[str, Any]]] = [
        ("START", {"type": "player"}),
        ("IMPRESSION", {"type": "view", "pageid": "home", "uri": "/"}),
        ("IMPRESSION", {"type": "view", "pageid": "course", "uri": "/course"}),
        ("ERROR", {"err": "E1", "errtype": "SYSTEM", "stacktrace": "x"}),
        ("ASSESS", {"item": {"id": "q1"}, "pass": "Yes", "score": 1, "duration": 3, "resvalues": []}),
        ("FEEDBACK", {"contentId": "c1", "rating": 4, "comments": f"by {who}"}),
        ("SEARCH", {"type": "content", "query": who, "size": 1, "filters": {}, "sort": {}, "topn": []}),
        ("END", {"type": "player", "duration": 5}),
    ]
    for place, (eid, data) in enumerate(edata):
        yield log_event(
            f"{eid}:{place}:{who}",
            eid=eid,
            ets=ms + place * 1_000,
            actor={"id": who, "type": "User"},
            context={
                **{"channel": "c", "env": "home", "pdata": {"id": "portal"}},
                **{"sid": f"session of {who}", "did": f"device of {who}"},
            },
            object={"id": "c1", "type": "content"},
            edata=data,
        )


EVENTS_OF_VISIT = 8


def send_visits(sender: Sender) -> None:
    began = now_ms() - 60_000
    for number in range(PEOPLE):
        sender.batch(*visit(f"person {number}", began), **{"User-Agent": PIXEL})
    for number in range(ROBOTS):
        sender.batch(*visit(f"robot {number}", began), **{"User-Agent": GOOGLEBOT})
    file_all()
    summarise_due()
    fold_due()


@pytest.fixture
def visited(team_a: Sender) -> None:
    send_visits(team_a)


def asked(bots: Bots = Bots.USUAL) -> Filters:
    # A week: when the test runs at midnight, some of its events are of the day before.
    return of_all(preset("7d", timezone.now(), UTC_ZONE), bots=bots)


# Visits counted in figures about people, and in figures about events.
WAYS = {
    Bots.USUAL: (PEOPLE, PEOPLE + ROBOTS),
    Bots.COUNTED: (PEOPLE + ROBOTS, PEOPLE + ROBOTS),
    Bots.LEFT_OUT: (PEOPLE, PEOPLE),
    Bots.ONLY: (ROBOTS, ROBOTS),
}
each_way = pytest.mark.parametrize("way", WAYS)


@each_way
def test_people_and_events_are_counted_with_and_without_bots(visited: None, way: Bots) -> None:
    people, everybody = WAYS[way]

    found = overview(asked(way), timezone.now()).sums
    assert (found.sessions, found.with_errors, found.actors, found.devices) == (people,) * 4
    assert found.events == everybody * EVENTS_OF_VISIT
    # Usage by hour of receipt doesn't distinguish bots.
    assert found.received == (None if way.narrows else everybody * EVENTS_OF_VISIT)

    visits = sessions(asked(way), timezone.now())
    assert (visits.sums.sessions, visits.sums.actors, visits.sums.new_actors) == (people,) * 3
    assert sum(visits.depth) == people
    entries = answer(Query(ENDS, ("sessions",), asked(way), ("page",), {"role": "entry"}))
    assert [(row.keys[0], row.count("sessions")) for row in entries.rows] == [("home", people)]

    failed = errors(asked(way), timezone.now()).sums
    assert (failed.errors, failed.sessions, failed.actors, failed.of_sessions) == (everybody, *(people,) * 3)

    learners = asked(way).of_people
    for dataset, metrics in (
        (CONTENTS, ("started", "finished")),
        (QUESTIONS, ("attempts",)),
        (SEARCHES, ("searches",)),
        (RATINGS, ("ratings",)),
    ):
        total = answer(Query(dataset, metrics, learners)).total
        assert [total.count(name) for name in metrics] == [people] * len(metrics)
    assert len(comments(learners)) == people

    steps = [step_of("page:home"), step_of("page:course")]
    assert [reached.sessions for reached in funnel(asked(way), steps).steps] == [people, people]


def test_pages_say_how_many_bots_they_leave_out_and_link_to_them(visited: None, operator: Client) -> None:
    told = {
        "overview": f"{ROBOTS} sessions of bots are not counted",
        "sessions": f"{ROBOTS} sessions of bots are not counted",
        "errors": f"{ROBOTS} affected sessions of bots are not counted",
        "learning": f"{ROBOTS * (EVENTS_OF_VISIT - 3)} events of bots are not counted",
    }
    for page, sentence in told.items():
        html = html_of(operator, f"/reports/{page}/")
        assert f'{sentence} · <a href="/reports/{page}/?bots=only">show them</a>' in html

        html = html_of(operator, f"/reports/{page}/?bots=only")
        assert f'Only bots are counted · <a href="/reports/{page}/">show the usual figures</a>' in html
        assert "Bots: only bots" in html

        html = html_of(operator, f"/reports/{page}/?bots=counted")
        assert f'are counted · <a href="/reports/{page}/">leave them out</a>' in html


def test_pages_about_events_mention_bots_only_if_filtered_by_them(visited: None) -> None:
    pages = {page.name: page for page in PAGES}
    assert said.note(pages["services"], asked(), context("services")) is None
    left_out = said.note(pages["services"], asked(Bots.LEFT_OUT), context("services"))
    assert left_out is not None
    assert left_out.sentence == f"{ROBOTS * EVENTS_OF_VISIT} events of bots are not counted"
    assert said.note(pages["cost"], asked(Bots.ONLY), context("cost")) is None


def test_events_of_bots_without_a_session_are_mentioned_too(team_a: Sender) -> None:
    event = log_event()
    del event["context"]["sid"], event["context"]["did"]
    team_a.batch(event, **{"User-Agent": GOOGLEBOT})
    file_all()
    fold_due()
    page = next(page for page in PAGES if page.name == "overview")
    told = said.note(page, asked(), context("overview"))
    assert told is not None
    assert told.sentence == "1 event of bots, which belong to no session, is not counted"
    assert overview(asked(), timezone.now()).sums.actors == 0


def test_figures_link_to_lists_with_as_many_rows(visited: None, operator: Client) -> None:
    for query, people in (("", PEOPLE), ("?bots=only", ROBOTS), ("?bots=counted", PEOPLE + ROBOTS)):
        html = html_of(operator, f"/reports/sessions/{query}")
        found = re.search(r'href="(/admin/events/session/\?since=[^"]*)"', html)
        assert found
        listed = html_of(operator, found[1].replace("&amp;", "&"))
        assert len(re.findall(r"tally-state-(?:open|idle|final)", listed)) == people


def test_tables_as_csv_apply_the_filter(visited: None, operator: Client) -> None:
    usual = csv_of(operator, "/reports/sessions/?csv=listed")
    only = csv_of(operator, "/reports/sessions/?csv=listed&bots=only")
    assert (usual.count("session of person"), usual.count("session of robot")) == (PEOPLE, 0)
    assert (only.count("session of person"), only.count("session of robot")) == (0, ROBOTS)


def test_an_unknown_choice_of_bots_is_explained(visited: None, operator: Client) -> None:
    html = html_of(operator, "/reports/sessions/?bots=sideways")
    assert "Bots can&#x27;t be sideways; it is left out." in html


def test_the_filter_is_carried_over_between_reports_and_lists() -> None:
    for bots, flag in (("only", "yes"), ("left_out", "no")):
        assert for_lists({"bots": [bots]}) == {"is_bot": [flag]}
        assert for_reports({"is_bot": [flag]}) == {"bots": [bots]}
    assert for_lists({"bots": ["counted"]}) == for_reports({"is_bot": ["maybe"]}) == {}


def test_digests_say_how_many_sessions_of_bots_they_leave_out() -> None:
    def told(bots: int) -> str:
        return sentences.note(replace(facts("x"), bots=bots))

    assert told(0) == sentences.NOTE
    assert told(1).endswith(" 1 session of bots is not counted.")
    assert told(11).endswith(" 11 sessions of bots are not counted.")


def test_reenriching_corrects_sessions_and_reports(team_a: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if no bots were known when the events were filed.
    agent.agent_columns.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(agent, "is_bot", lambda *_: False)
        send_visits(team_a)
    agent.agent_columns.cache_clear()
    assert not Event.objects.filter(is_bot=True).exists()
    assert overview(asked(), timezone.now()).sums.sessions == PEOPLE + ROBOTS

    reenrich(fields="user_agent")
    summarise_due()
    fold_due()

    assert Event.objects.filter(is_bot=True).count() == ROBOTS * EVENTS_OF_VISIT
    assert Session.objects.filter(is_bot=True).count() == ROBOTS
    found = overview(asked(), timezone.now()).sums
    assert (found.sessions, found.actors, found.devices) == (PEOPLE,) * 3
    rows = dump()
    summarise_all()
    rebuild()
    assert dump() == rows
    assert [each for step in steps(None, None, None) for each in verification.differences(step)] == []


def test_a_session_is_a_bots_if_all_its_known_user_agents_are(team_a: Sender) -> None:
    """Servers may add events to a person's session, with curl or without a user agent."""
    agents = {
        "a bot": (GOOGLEBOT, "", "curl/8.5.0"),
        "a person and a server": (PIXEL, "curl/8.5.0"),
        "a server and a person": ("curl/8.5.0", PIXEL),
        "nobody knows": ("",),
    }
    for name, sent in agents.items():
        for place, text in enumerate(sent):
            event = log_event(f"{name} {place}", ets=now_ms() - 5_000 + place)
            event["context"] |= {"sid": name}
            team_a.batch(event, **({"User-Agent": text} if text else {}))
    file_all()
    summarise_due()
    assert dict(Session.objects.values_list("session", "is_bot")) == {
        "a bot": True,
        "a person and a server": False,
        "a server and a person": False,
        "nobody knows": False,
    }
