"""An event's page: a summary, all its fields with help texts, and the JSON as sent."""

import html as markup
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events import event as envelope
from events.admin import event_page as page
from events.event import Event
from events.kinds import KINDS
from events.store.details import detail_of
from tests.admin.conftest import EVENTS, filed, html_of, page_of, text_of
from tests.sending import AVAILITY, EMIT, Sender, emitted, file_all, log_event, message, now_ms
from tests.wire import samples

QUERIES = 9  # login, person, memberships, event, row of the kind, its session, and the navigation


def wire_of(html: str) -> Any:
    """Return the JSON that the page shows as sent."""
    found = re.search(r'<pre class="tally-json" id="document-1"[^>]*>(.*?)</pre>', html, re.DOTALL)
    assert found
    return json.loads(text_of(found[1]))


def test_the_page_begins_with_a_summary(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, samples.complete("interact", ms=now_ms()))
    at = f"{event.occurred_at.day} {event.occurred_at:%b %Y, %H:%M:%S} UTC."
    assert (
        "INTERACT (DRAG) on puzzle-piece by User user-42 in prod.example.portal 5.1.0 (owner Team A), " + at
    ) in text_of(html_of(alice, page_of(event)))


def test_summaries_of_ui_actions_and_emitted_events_use_their_terms(team_a: Sender, alice: Client) -> None:
    team_a.post(AVAILITY, message(owner="Team A"))
    team_a.post(EMIT, emitted())
    file_all()
    action, build = Event.objects.get(kind="ui_action"), Event.objects.get(kind="emitted_event")
    assert "“click” on “Submit” by aka123 in eligibility_and_benefits" in html_of(alice, page_of(action))
    assert "Event “started” in (unknown) (owner Team A)" in html_of(alice, page_of(build))


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_every_column_is_shown_with_its_help_text(team_a: Sender, alice: Client, kind: str) -> None:
    sent = samples.complete(kind, ms=now_ms())
    event = filed(team_a, sent)
    html = html_of(alice, page_of(event))
    assert wire_of(html) == sent
    detail = detail_of(event)
    for column in KINDS[kind].model.columns():
        if getattr(detail, column.name) not in (None, "", [], {}):
            assert markup.escape(str(column.help_text)) in html


def test_empty_fields_are_left_out(team_a: Sender, alice: Client) -> None:
    html = html_of(alice, page_of(filed(team_a, log_event())))
    assert "Where it happened" not in html
    assert "Object id" not in html
    assert "Fields without a column" not in html


def test_no_field_of_the_envelope_is_hidden(team_a: Sender, alice: Client) -> None:
    named = {
        *page.WHO,
        *page.WHERE,
        *envelope.PLACE,
        *envelope.AGENT,
        *page.ABOUT,
        *page.TIMES,
        *page.CLIENT,
        *page.ELSEWHERE,
    }
    groups = page._groups(filed(team_a, log_event()), None)
    shown = {fact.name for group in groups for fact in group.facts}
    event = Event.objects.get()
    filled = {
        field.name
        for field in Event._meta.concrete_fields
        if getattr(event, field.name) not in (None, "", [], {})
    }
    assert filled <= shown
    assert named <= {field.name for field in Event._meta.concrete_fields}


def test_enriched_columns_are_grouped_and_have_help_texts(team_a: Sender, alice: Client) -> None:
    place = {"country": "DE", "point": {"lat": 52.5, "lon": 13.4}}
    team_a.post(EMIT, emitted(location=place), **{"User-Agent": "curl/8.5.0"})
    file_all()
    event = Event.objects.get()
    html = html_of(alice, page_of(event))
    for title in ("Place", "Browser and system"):
        assert f">{title}<" in re.sub(r"\s*([<>])\s*", r"\1", html)
    for column in Event._meta.concrete_fields:
        if column.name in ("geohash", "device_type", "time_hash", "address_hash"):
            assert markup.escape(str(column.help_text)) in html
    assert event.geohash
    assert event.geohash in text_of(html)
    assert "tenant::" in text_of(html)


def test_unknown_keys_are_shown(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, log_event(surprise={"of": [1.5, None]}))
    html = html_of(alice, page_of(event))
    assert "Fields without a column" in html
    assert '"surprise"' in text_of(html)
    assert wire_of(html)["surprise"] == {"of": [1.5, None]}


HOSTILE = '</pre><script>alert("x")</script><img src=x onerror=alert(1)>\u202e{{ 7|add:1 }}&amp;'


def test_hostile_text_is_escaped_everywhere(team_a: Sender, alice: Client) -> None:
    sent = log_event(
        "hostile",
        actor={"id": HOSTILE, "type": HOSTILE},
        context={"channel": HOSTILE, "env": HOSTILE, "sid": HOSTILE, "pdata": {"id": "<b>", "ver": HOSTILE}},
        edata={"type": HOSTILE, "level": HOSTILE, "message": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}},
    )
    html = html_of(alice, page_of(filed(team_a, sent)))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "<b>" not in html
    assert wire_of(html) == sent


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\udfffb", "\u2028", "\\u0000"])
def test_text_that_html_cannot_contain_is_shown_escaped(team_a: Sender, alice: Client, text: str) -> None:
    event = filed(team_a, log_event(actor={"id": f"<{text}>", "type": "User"}))
    assert wire_of(html_of(alice, page_of(event)))["actor"]["id"] == f"<{text}>"


def test_another_owners_event_looks_like_one_that_does_not_exist(
    team_b: Sender, alice: Client, charlie: Client
) -> None:
    event = filed(team_b, log_event())
    for path in (page_of(event), f"{EVENTS}{'0' * 32}/change/", f"{EVENTS}nonsense/change/"):
        response = alice.get(path)
        assert (response.status_code, response["Location"]) == (302, EVENTS)
        assert charlie.get(path).status_code in (302, 403)
    assert str(event.client_event_id) not in alice.get(page_of(event), follow=True).content.decode()


def test_events_cannot_be_added_changed_or_deleted(team_a: Sender, operator: Client) -> None:
    event = filed(team_a, log_event())
    assert operator.get(f"{EVENTS}add/").status_code == 403
    assert operator.get(f"{EVENTS}{event.pk}/delete/").status_code == 403
    assert operator.post(f"{EVENTS}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    operator.post(page_of(event), {"actor": "somebody else"})
    assert Event.objects.get().actor == "u1"


def test_the_link_back_to_the_list_keeps_filters_and_page(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, log_event())
    listed = html_of(alice, f"{EVENTS}?kind=log")
    found = re.search(rf'href="({re.escape(page_of(event))}[^"]*)"', listed)
    assert found
    assert f'href="{EVENTS}?kind=log"' in html_of(alice, markup.unescape(found[1]))


def test_the_page_takes_a_fixed_number_of_queries(team_a: Sender, alice: Client) -> None:
    counts = set()
    for kind in ("log", "interact"):
        event = filed(team_a, samples.complete(kind, ms=now_ms(), mid=f"{kind}:cost"))
        with CaptureQueriesContext(connection) as captured:
            html_of(alice, page_of(event))
        counts.add(len(captured))
    assert len(counts) == 1
    assert counts.pop() <= QUERIES


def test_the_page_of_an_event_without_its_kinds_row_says_so(team_a: Sender, operator: Client) -> None:
    event = filed(team_a, log_event())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_log")
    assert "Run manage.py verify" in html_of(operator, page_of(event))
