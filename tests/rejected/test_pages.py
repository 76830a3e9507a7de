"""Pages of rejected events: groups with reasons and fixes, permissions, replay, editing, discarding."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.event import Event
from events.ownership.api_key import KeyType
from events.ownership.source import Source
from ingestion.rejected.discarding import DiscardedEvent
from ingestion.rejected.event import RejectedEvent, Selection
from ingestion.rejected.replay_jobs import ReplayJob
from ingestion.tasks import replay
from tests.admin.conftest import html_of
from tests.rejected.conftest import is_balanced, pageless, refused, set_validation, strict_fault
from tests.reports.asked import counted
from tests.rollups.recomputed import fold_due
from tests.sending import AVAILITY, Sender, file_all, log_event, message

LIST = "/admin/ingestion/rejectedevent/"
GROUPS = f"{LIST}groups/"
JOBS = "/admin/ingestion/replayjob/"
GOOD = {"type": "view", "pageid": "home", "uri": "/home"}


@pytest.fixture
def row(team_a: Sender) -> RejectedEvent:
    """A rejected event of team A."""
    return refused(team_a)[0]


def page_of(row: RejectedEvent) -> str:
    return f"{LIST}{row.pk}/change/"


def text_of(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def test_groups_have_a_count_a_reason_and_a_fix(team_a: Sender, team_b: Sender, alice: Client) -> None:
    refused(team_a, pageless("IMPRESSION:1"), pageless("IMPRESSION:2"), log_event(eid="NOPE"))
    refused(team_b, pageless())
    html = html_of(alice, GROUPS)
    text = text_of(html)
    assert (
        "3 events were rejected in the last 7 days; 66 % because edata.pageid is required in impression from"
        " portal." in text
    )
    assert "edata.pageid is required. Send it: see the fields of this kind ." in text
    assert "kind not known" in text
    assert "code=unknown_kind&amp;kind=-&amp;source=" in html
    assert html.count('class="tally-spark"') == 2


def test_the_headline_is_escaped_and_links_to_the_same_events(team_a: Sender, alice: Client) -> None:
    team_a.post(AVAILITY, message(owner="Team A", contact="nobody"))
    refused(team_a)
    html = html_of(alice, f"{GROUPS}?kind=ui_action")
    assert "because contact has a value in the wrong format" in unescape(text_of(html))
    assert re.search(rf'href="{LIST}\?[^"]*kind=ui_action[^"]*">List them', html)


def test_groups_of_a_period_are_listed_newest_first_with_older_ones_counted(
    team_a: Sender, alice: Client
) -> None:
    old, repeated, new = refused(team_a, log_event(eid="OLD"), pageless(), log_event(eid=5))
    now = timezone.now()
    past = now - timedelta(days=20)
    RejectedEvent.objects.filter(pk=old.pk).update(received_at=past, last_received_at=past)
    # First received long ago and again just now, so it belongs to every period in between.
    RejectedEvent.objects.filter(pk=repeated.pk).update(received_at=past, last_received_at=now, seen=2)
    RejectedEvent.objects.filter(pk=new.pk).update(last_received_at=now - timedelta(hours=1))

    html = html_of(alice, GROUPS)
    assert re.findall(r"<h3><a [^>]*><code>(\w+)</code>", html) == [repeated.code, new.code]
    assert "1 older event waits too." in text_of(html)
    everything = html_of(alice, f"{GROUPS}?period=all")
    assert re.findall(r"<h3><a [^>]*><code>(\w+)</code>", everything) == [repeated.code, new.code, old.code]
    between = (
        f"since={past - timedelta(days=1):%Y-%m-%dT%H:%M}&until={past + timedelta(days=1):%Y-%m-%dT%H:%M}"
    )
    html = html_of(alice, f"{GROUPS}?{between}")
    assert sorted(re.findall(r"<h3><a [^>]*><code>(\w+)</code>", html)) == sorted([repeated.code, old.code])
    assert "Nothing was rejected yesterday" in text_of(
        html_of(alice, f"{GROUPS}?{between}&period=yesterday&kind=log")
    )


@pytest.mark.parametrize(
    "query", ["since=x&until=y", "owner=x", "source=9999999999999999999999,-1", "period=no"]
)
def test_filters_that_groups_do_not_have_are_no_error(row: RejectedEvent, alice: Client, query: str) -> None:
    assert alice.get(f"{GROUPS}?{query}").status_code == 200


def test_a_fix_links_to_the_field_in_the_reference(team_a: Sender, alice: Client) -> None:
    (row,) = refused(team_a)
    for html in (html_of(alice, GROUPS), html_of(alice, page_of(row))):
        link = re.search(r'href="(/reference/formats/)#([^"]+)"', html)
        assert link
        assert link[2] == "impression:edata.pageid"
        assert f'id="{link[2]}"' in html_of(Client(), link[1])


def test_see_why_links_to_the_events_in_the_headline(team_a: Sender, alice: Client) -> None:
    refused(team_a, pageless(), *(log_event(f"LOG:{number}") for number in range(3)))
    old = refused(team_a, log_event(eid="OLD"))[-1]
    fold_due()
    past = timezone.now() - timedelta(days=20)
    RejectedEvent.objects.filter(pk=old.pk).update(received_at=past, last_received_at=past)
    html = html_of(alice, "/reports/overview/?period=7d")
    link = re.search(rf'href="({GROUPS}[^"]*)">See why', html)
    assert link
    groups = html_of(alice, link[1].replace("&amp;", "&"))
    assert re.findall(r"<h3><a [^>]*><code>(\w+)</code>", groups) == ["missing"]


def test_groups_take_a_fixed_number_of_queries(
    team_a: Sender, alice: Client, django_assert_max_num_queries: Any
) -> None:
    html_of(alice, GROUPS)
    refused(team_a, pageless(), log_event(eid="NOPE"), log_event(eid=5), log_event(ets="x"))
    with django_assert_max_num_queries(9):
        html_of(alice, GROUPS)


def test_a_group_links_to_its_events(team_a: Sender, alice: Client) -> None:
    rows = refused(team_a, pageless(), log_event(eid="NOPE"))
    link = re.search(rf'href="({LIST}\?[^"]*unknown_kind[^"]*)"', html_of(alice, GROUPS))
    assert link
    html = html_of(alice, link[1].replace("&amp;", "&"))
    unknown, missing = sorted(rows, key=lambda row: row.code, reverse=True)
    assert page_of(unknown) in html
    assert page_of(missing) not in html


def test_the_list_has_the_latest_first_in_keyset_pages(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion.admin.rejected import RejectedEventAdmin

    monkeypatch.setattr(RejectedEventAdmin, "list_per_page", 2)
    events = [pageless(f"IMPRESSION:{number}") for number in range(5)]
    for event in (*events, events[0]):
        refused(team_a, event)
    seen, url = [], LIST
    while url:
        html = html_of(alice, url)
        seen += [int(pk) for pk in re.findall(rf'<a href="{LIST}(\d+)/change/', html)]
        older = re.search(r'rel="next" href="([^"]+)"', html)
        url = LIST + older[1].replace("&amp;", "&") if older else ""
    by_id = {row.client_event_id: row.pk for row in RejectedEvent.objects.all()}
    wanted = [by_id[f"IMPRESSION:{number}"] for number in (0, 4, 3, 2, 1)]
    assert list(dict.fromkeys(seen)) == wanted


@pytest.mark.parametrize("key", ["x", "[]", '["2026-01-01", 1]', '["x", 1]', "[1, 2]", "[" * 5000])
def test_an_invalid_cursor_causes_no_server_error(row: RejectedEvent, alice: Client, key: str) -> None:
    assert alice.get(LIST, {"after": key}).status_code in (200, 302)


def test_the_invalid_part_of_an_event_is_marked(row: RejectedEvent, alice: Client) -> None:
    html = html_of(alice, page_of(row))
    mark = re.search(r'<mark class="tally-fault"[^>]*data-note="([^"]*)">(.*?)</mark>', html)
    assert mark
    assert mark[1] == "edata.pageid is required."
    assert "edata" in mark[2]


@pytest.mark.parametrize(
    ("body", "code", "message", "place"),
    [
        (b'{"a": NaN}', "not_finite", "NaN is not a JSON number.", "NaN"),
        (b'{"NaN": -Infinity}', "not_finite", "x", "-Infinity"),
        (b'{"a": 1e999}', "number_out_of_range", "x", "1e999"),
        (b'{"a": tru}', "bad_json", "Not JSON: Expecting value at character 6.", "t"),
        (b'{"a"', "bad_json", "Not JSON: Expecting ':' at character 4.", "▮"),
        (b'{"a": "\xff"}', "bad_utf8", "Byte 7 is not UTF-8.", "\\xff"),
    ],
)
def test_the_invalid_part_of_a_body_that_is_not_json_is_marked(
    row: RejectedEvent, alice: Client, body: bytes, code: str, message: str, place: str
) -> None:
    RejectedEvent.objects.update(body=body, code=code, message=message, path="")
    html = html_of(alice, page_of(row))
    mark = re.search(r'<mark class="tally-fault"[^>]*>(.*?)</mark>', html)
    assert mark
    assert mark[1] == place


def test_viewers_can_look_leads_can_act_and_strangers_have_no_access(
    row: RejectedEvent, alice: Client, lead: Client, bob: Client, charlie: Client
) -> None:
    acts = (f"{LIST}{row.pk}/replay/", f"{LIST}{row.pk}/edit/", f"{LIST}discard/")
    body = {"ids": row.pk, "reason": "x", "text": json.dumps(pageless() | {"edata": GOOD})}
    assert "Edit and replay" not in html_of(alice, page_of(row))
    assert "Edit and replay" in html_of(lead, page_of(row))
    for person, wanted in ((alice, {403}), (bob, {403, 404}), (charlie, {403, 404}), (Client(), {302})):
        for act in acts:
            assert person.post(act, body).status_code in wanted
        if person is not alice:
            assert person.get(page_of(row)).status_code in {302, 403}
    assert charlie.get(GROUPS).status_code == 403
    assert "missing" not in html_of(bob, GROUPS)
    assert alice.post(f"{LIST}matching/").status_code == 403
    assert not ReplayJob.objects.exists()
    assert RejectedEvent.objects.count() == 1


def test_a_lead_replays_an_event(team_a: Sender, lead: Client) -> None:
    set_validation(team_a, "strict")
    (row,) = refused(team_a, strict_fault())
    html = lead.post(f"{LIST}{row.pk}/replay/", follow=True).content.decode()
    assert "Rejected again" in html
    set_validation(team_a, "lenient")
    html = lead.post(f"{LIST}{row.pk}/replay/", follow=True).content.decode()
    assert "Stored." in html
    assert Event.objects.count() == 1
    newest = AuditEntry.objects.first()
    assert newest
    assert (newest.actor_name, newest.action, newest.after) == (
        "lena",
        "rejected.replayed",
        {"outcome": "Stored."},
    )
    assert newest.owner_name == "Team A"
    assert lead.get(f"{LIST}{row.pk}/replay/").status_code == 405
    assert is_balanced()


def test_an_edited_event_that_fails_again_shows_the_error_beside_the_text(
    row: RejectedEvent, lead: Client
) -> None:
    url = f"{LIST}{row.pk}/edit/"
    assert "IMPRESSION" in html_of(lead, url)
    html = lead.post(url, {"text": "{nonsense"}).content.decode()
    assert "Nothing was changed." in html
    assert "{nonsense" in html
    good = json.dumps(pageless() | {"edata": GOOD})
    html = lead.post(url, {"text": good}, follow=True).content.decode()
    assert "Stored." in html
    entry = AuditEntry.objects.get(action="rejected.edited")
    assert (entry.actor_name, entry.after) == ("lena", {"outcome": "Stored."})
    assert is_balanced()


def test_a_form_is_edited_as_json(team_a: Sender, lead: Client) -> None:
    team_a.post(AVAILITY, "owner=Team+A&version=1", content_type="application/x-www-form-urlencoded")
    file_all()
    row = RejectedEvent.objects.get()
    assert "&quot;version&quot;: &quot;1&quot;" in html_of(lead, f"{LIST}{row.pk}/edit/")
    assert "&quot;version&quot;" in html_of(lead, page_of(row))


def test_a_lead_discards_with_a_reason(row: RejectedEvent, lead: Client) -> None:
    url = f"{LIST}discard/"
    assert "The bytes of 1 rejected event will be deleted." in html_of(lead, f"{url}?ids={row.pk}")
    assert lead.post(url, {"ids": row.pk, "reason": ""}).status_code == 200
    assert RejectedEvent.objects.exists()
    lead.post(url, {"ids": row.pk, "reason": "A test run."})
    assert not RejectedEvent.objects.exists()
    kept = DiscardedEvent.objects.get()
    assert (kept.discarded_by, kept.reason) == ("lena", "A test run.")
    assert AuditEntry.objects.get(action="rejected.discarded").after == {"reason": "A test run."}
    assert is_balanced()


@pytest.mark.parametrize("action", ["replay_selected", "discard_selected"])
def test_actions_apply_to_the_selected_events(
    team_a: Sender, team_b: Sender, lead: Client, alice: Client, action: str
) -> None:
    mine, other = refused(team_a, pageless("IMPRESSION:1"), pageless("IMPRESSION:2"))
    (theirs,) = refused(team_b)
    body = {"action": action, "_selected_action": [mine.pk, theirs.pk]}
    assert 'value="replay_selected"' not in html_of(alice, LIST)
    alice.post(LIST, body)
    assert not ReplayJob.objects.exists()
    assert f'value="{action}"' in html_of(lead, LIST)
    response = lead.post(LIST, body)
    assert response.status_code == 302
    if action == "discard_selected":
        assert response["Location"] == f"{LIST}discard/?ids={mine.pk}"
        return
    assert ReplayJob.objects.get().selection == {"ids": [mine.pk]}
    assert RejectedEvent.objects.filter(pk__in=[mine.pk, other.pk]).count() == 2


def test_all_events_matching_the_filters_are_replayed_in_the_background(team_a: Sender, lead: Client) -> None:
    set_validation(team_a, "strict")
    refused(team_a, strict_fault(), pageless())
    set_validation(team_a, "lenient")
    response = lead.post(f"{LIST}matching/?code=wrong_type&kind=log")
    job = ReplayJob.objects.get()
    assert response["Location"] == f"{JOBS}{job.pk}/change/"
    assert job.sentence == "code wrong_type, kind log"
    html = html_of(lead, response["Location"])
    assert 'http-equiv="refresh"' in html
    assert "1 rejected event waits to be replayed" in html
    replay()
    html = html_of(lead, response["Location"])
    assert 'http-equiv="refresh"' not in html
    assert "1 rejected event replayed: 1 stored, 0 duplicates, 0 rejected again." in html
    assert RejectedEvent.objects.get().code == "missing"
    assert is_balanced()


def test_a_time_of_receipt_limits_the_list_and_the_replay(team_a: Sender, lead: Client) -> None:
    old, new = refused(team_a, pageless("IMPRESSION:1"), pageless("IMPRESSION:2"))
    RejectedEvent.objects.filter(pk=old.pk).update(received_at=new.received_at - timedelta(days=2))
    since = f"since={new.received_at - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    html = html_of(lead, f"{LIST}?{since}")
    assert page_of(new) in html
    assert page_of(old) not in html
    lead.post(f"{LIST}matching/?{since}")
    (job,) = ReplayJob.objects.all()
    assert Selection.from_json(job.selection).rows(None).get() == new
    for nothing in (
        "since=yesterday",
        "until=0001-01-01T00:00%2B14:00",
        "owner=x",
        f"{since}&day=2020-01-01",
    ):
        assert f"{LIST}{new.pk}" not in html_of(lead, f"{LIST}?{nothing}"), nothing
        lead.post(f"{LIST}matching/?{nothing}")
        newest = ReplayJob.objects.latest("pk")
        assert not Selection.from_json(newest.selection).rows(None).exists(), nothing


def test_filters_of_the_api_narrow_the_list_and_cannot_be_replayed(team_a: Sender, lead: Client) -> None:
    old, new = refused(team_a, pageless("IMPRESSION:1"), pageless("IMPRESSION:2"))
    for query in (
        f"client_event_id={new.client_event_id}",
        f"id__gt={old.pk}&received_after=2020-01-01T00:00Z",
    ):
        html = html_of(lead, f"{LIST}?{query}")
        assert page_of(new) in html
        assert page_of(old) not in html
        assert "Replay all that match" not in html
        lead.post(f"{LIST}matching/?{query}")
        assert ReplayJob.objects.latest("pk").selection == {"ids": []}


def test_a_replay_covers_the_owners_and_sources_of_the_list(team_a: Sender, lead: Client) -> None:
    (row,) = refused(team_a)
    source = Source.objects.create(organization=team_a.key.organization, name="other")
    counted(team_a, source="other")
    lead.post(f"{LIST}matching/?source={row.source_id},{source.pk}")
    assert ReplayJob.objects.get().selection == {"sources": [row.source_id, source.pk]}


def test_hidden_groups_are_counted(team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(team_a, pageless("IMPRESSION:1"), pageless("IMPRESSION:2"), log_event(eid="NOPE"))
    monkeypatch.setattr("ingestion.admin.groups.SHOWN", 1)
    text = text_of(html_of(alice, GROUPS))
    assert "3 events were rejected in the last 7 days;" in text


def test_only_the_requester_sees_and_stops_a_replay(
    row: RejectedEvent, lead: Client, alice: Client, charlie: Client, operator: Client
) -> None:
    lead.post(f"{LIST}matching/")
    job = ReplayJob.objects.get()
    for person in (alice, charlie):
        assert person.get(f"{JOBS}{job.pk}/change/").status_code in {302, 403}
        person.post(f"{JOBS}{job.pk}/stop/")
    assert f"{JOBS}{job.pk}/change/" not in html_of(alice, JOBS)
    job.refresh_from_db()
    assert job.finished_at is None
    assert f"{JOBS}{job.pk}/change/" in html_of(operator, JOBS)
    lead.post(f"{JOBS}{job.pk}/stop/")
    job.refresh_from_db()
    assert job.state == "stopped"


def test_a_publishable_key_has_no_access(row: RejectedEvent, team_a: Sender) -> None:
    assert team_a.key.type == KeyType.PUBLISHABLE
    assert team_a.post(f"{LIST}{row.pk}/replay/", {}).status_code == 302
