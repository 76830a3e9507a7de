"""A session's page: its summary, its timeline as a chart and a table, and links from and to events."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.admin import session_page, timeline
from events.event import Event
from events.sessions.session import Session, SessionRedirect
from tests.admin.conftest import html_of, page_of, text_of
from tests.admin.visits import SESSIONS, address, at, failure, touch, view, visited
from tests.sending import AVAILITY, Sender, file_all, log_event, message
from tests.summarising import summarise_sessions

QUERIES = 20  # including login, person and memberships
OLD = UUID("00000000-0000-8000-8000-000000000001")
VISIT = (view(0, "home"), touch(3.5), view(10, "search"), failure(11), touch(1_300), view(1_301, "home"))


def marks(html: str) -> list[tuple[str, str]]:
    """Return the links and titles of the marks in the chart."""
    return re.findall(r'<a class="tally-mark[^"]*" href="([^"]+)"><title>([^<]+)</title>', html)


def steps(html: str) -> list[str]:
    """Return the IDs of the events in the table."""
    return re.findall(r'<th scope="row"><a href="/admin/events/event/([0-9a-f-]+)/change/', html)


def test_the_page_begins_with_actor_time_and_source(team_a: Sender, alice: Client) -> None:
    text = text_of(html_of(alice, address(visited(team_a, *VISIT))))
    assert "User u1 spent 12 s in portal 2.1 (owner Team A), " in text
    assert "6 events, 3 page views, 2 interactions and 1 error." in text
    assert "of 21 min 41 s; 1 long pause left out" in text


def test_each_event_is_a_mark_with_a_link_and_a_title(team_a: Sender, alice: Client) -> None:
    session = visited(team_a, *VISIT)
    found = marks(html_of(alice, address(session)))
    assert [href for href, _ in found] == [page_of(event) for event in session.timeline()]
    kinds = [title.split(",")[0] for _, title in found]
    assert kinds == ["impression", "interact", "impression", "error (error)", "interact", "impression"]
    assert re.fullmatch(r"interact, \d\d:\d\d:03\.500 UTC", found[1][1])


def test_pages_are_bands_and_long_pauses_are_marked(team_a: Sender, alice: Client) -> None:
    html = html_of(alice, address(visited(team_a, *VISIT)))
    bands = re.findall(r'<g class="tally-band (tally-tint-\d)"><title>Page (\w+):', html)
    assert bands == [("tally-tint-0", "home"), ("tally-tint-1", "search"), ("tally-tint-0", "home")]
    assert "Idle for 21 min 29 s" in html
    assert '<tr class="tally-pause"><td colspan="4">idle for 21 min 29 s</td>' in html


def test_availitys_pages_are_bands_and_its_errors_are_marked(team_a: Sender, alice: Client) -> None:
    entries = message()["telemetryBody"]["entries"] | {"event": "page", "action": "load", "url": "/claims"}
    for level, each in (("info", entries), ("ERROR", entries | {"event": "submit"})):
        body = {"level": level, "entries": each}
        team_a.post(AVAILITY, message(owner="Team A", telemetryBody=body))
    file_all()
    summarise_sessions()
    html = html_of(alice, address(Session.objects.get()))
    assert "<title>Page /claims:" in html
    assert "ui_action (error)" in html


def test_the_table_lists_the_same_events_in_pages(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_page, "EVENTS", 4)
    session = visited(team_a, *VISIT)
    expected = [str(event.pk) for event in session.timeline()]
    first = html_of(alice, address(session))
    later = re.search(r'rel="next" href="([^"]+)#events"', first)
    assert later
    second = html_of(alice, address(session) + later[1])
    earlier = re.search(r'rel="prev" href="([^"]+)#events"', second)
    assert earlier
    assert (steps(first), steps(second)) == (expected[:4], expected[4:])
    assert steps(html_of(alice, address(session) + earlier[1])) == expected[:4]
    assert steps(html_of(alice, f"{address(session)}?after=nonsense")) == expected[:4]


def test_pages_and_kinds_are_listed_in_tables(team_a: Sender, alice: Client) -> None:
    text = re.sub(r"\s+", " ", text_of(html_of(alice, address(visited(team_a, *VISIT)))))
    assert "home view home 2 10 s" in text
    assert "search view home 1 2 s" in text
    assert "impression 3 interact 2 error 1" in text


def test_a_session_of_one_event_can_be_drawn(team_a: Sender, alice: Client) -> None:
    html = html_of(alice, address(visited(team_a, at(0))))
    assert len(marks(html)) == 1
    assert "User u1 spent 0 s in" in text_of(html)


def test_hostile_page_names_are_escaped(team_a: Sender, alice: Client) -> None:
    hostile = '</title></svg><script>alert("x")</script>'
    assert "<script>alert" not in html_of(alice, address(visited(team_a, view(0, hostile), at(5))))


class TestManyEvents:
    """Sessions of more events than can be drawn one by one, with lowered limits."""

    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(timeline, "MARKS", 40)

    def test_events_are_drawn_as_counts_per_kind_and_interval(self, team_a: Sender, alice: Client) -> None:
        session = visited(team_a, view(0, "home"), *(touch(number) for number in range(1, 100)), at(5_000))
        html = html_of(alice, address(session))
        found = marks(html)
        counts: dict[str, int] = {}
        for _, title in found:
            count, kind = title.split(",")[0].split(" ")
            counts[kind] = counts.get(kind, 0) + int(count)
        assert counts == {"impression": 1, "interact": 99, "log": 1}
        assert len(found) <= 40
        assert "each bar counts" in text_of(html)
        assert "<title>Page home:" in html
        assert "Idle for 1 h 21 min" in html

    def test_a_bar_links_to_its_events_in_the_table(self, team_a: Sender, alice: Client) -> None:
        session = visited(team_a, *(touch(number * 10) for number in range(60)))
        events = [str(event.pk) for event in session.timeline()]
        listed = []
        for href, title in marks(html_of(alice, address(session))):
            shown = steps(html_of(alice, address(session) + href.removesuffix("#events")))
            listed += shown[: int(title.split(" ")[0])]
        assert listed == events

    def test_too_many_pages_are_listed_only_in_the_table(self, team_a: Sender, alice: Client) -> None:
        session = visited(team_a, *(view(number, f"page {number}") for number in range(50)))
        html = html_of(alice, address(session))
        assert "tally-band " not in html
        assert "too many page views to draw" in text_of(html)

    def test_of_very_many_events_the_first_of_each_interval_are_drawn(
        self, team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timeline, "COUNTED", 60)
        monkeypatch.setattr(timeline, "PROBED", 2)
        monkeypatch.setattr(timeline, "PROBES", 10)
        begin = (touch(number / 10) for number in range(70))
        session = visited(team_a, *begin, at(2_000), at(4_999))
        html = html_of(alice, address(session))
        kinds = [title.split(",")[0] for _, title in marks(html)]
        assert kinds == ["2 interact", "1 log", "1 log"]
        assert "the chart shows the first" in text_of(html)
        # Events between the second touch and the first LOG weren't read; later ones were.
        assert re.findall(r"<title>Idle for ([^:]+):", html) == ["49 min 59 s"]


def test_another_owners_session_looks_like_one_that_does_not_exist(
    team_b: Sender, alice: Client, charlie: Client
) -> None:
    session = visited(team_b, *VISIT)
    SessionRedirect.objects.create(old=OLD, current=session.pk)
    for path in (address(session), f"{SESSIONS}{OLD}/change/", f"{SESSIONS}nonsense/change/"):
        response = alice.get(path)
        assert (response.status_code, response["Location"]) == (302, SESSIONS)
        assert charlie.get(path).status_code in (302, 403)


def test_a_former_id_redirects_to_the_session_with_a_note(team_a: Sender, alice: Client) -> None:
    session = visited(team_a, *VISIT)
    SessionRedirect.objects.create(old=OLD, current=session.pk)
    response = alice.get(f"{SESSIONS}{OLD}/change/", follow=True)
    assert response.redirect_chain == [(address(session), 302)]
    assert "A late event changed the ID of this session" in response.content.decode()


def test_an_event_links_to_its_session_and_neighbours(team_a: Sender, alice: Client) -> None:
    session = visited(team_a, *VISIT)
    first, second, third = session.timeline()[:3]
    html = html_of(alice, page_of(second))
    assert f'href="{address(session)}">Session: s1 · idle</a>' in html
    assert f'href="{page_of(first)}">Previous event</a>' in html
    assert f'href="{page_of(third)}">Next event</a>' in html
    assert "Previous event" not in html_of(alice, page_of(first))


def test_an_event_without_a_session_id_links_to_its_devices_session(team_a: Sender, alice: Client) -> None:
    context = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "did": "d1"}
    session = visited(team_a, *(at(seconds, context=context) for seconds in (-3_600, -3_590, 0)))
    assert Session.objects.count() == 2
    (event,) = session.timeline()
    html = html_of(alice, page_of(event))
    assert f'href="{address(session)}">Session: d1 · idle</a>' in html
    assert "Previous event" not in html


def test_an_event_without_a_computed_session_links_to_none(team_a: Sender, alice: Client) -> None:
    team_a.batch(log_event())
    file_all()
    assert ">Session: " not in html_of(alice, page_of(Event.objects.get()))


def test_the_page_takes_a_fixed_number_of_queries(team_a: Sender, alice: Client) -> None:
    counts = set()
    for length in (1, 60):
        session = visited(team_a, *VISIT, *(view(2_000 + n, f"p{n}") for n in range(length)))
        with CaptureQueriesContext(connection) as captured:
            html_of(alice, address(session))
        counts.add(len(captured))
    assert len(counts) == 1
    assert counts.pop() <= QUERIES


def test_shapes_stay_within_the_chart(team_a: Sender, alice: Client) -> None:
    from events.admin import timeline

    session = visited(team_a, *VISIT)
    shapes: Any = timeline.draw(timeline.read(session, {"log": 1}), lambda event, since: "")
    for box in (*shapes.pages, *shapes.idles, *shapes.marks):
        assert timeline.LEFT - 2 <= box.x <= box.x + box.width <= timeline.WIDTH - timeline.RIGHT + 3
        assert 0 <= box.y <= box.y + box.height <= shapes.bottom
    assert 2 <= len(shapes.ticks) <= timeline.TICKS + 1
