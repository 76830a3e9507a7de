"""Pages of rejected events and waiting requests: visibility, reasons, bodies."""

import json

import pytest
from django.test import Client

from ingestion.rejected.event import RejectedEvent
from tests.admin.conftest import html_of
from tests.sending import SUNBIRD, Sender, file_all, log_event

REJECTED = "/admin/ingestion/rejectedevent/"
WAITING = "/admin/ingestion/inboxrequest/"


def rejected(sender: Sender, **changes: object) -> RejectedEvent:
    """Reject an event without its required page, and return it."""
    sender.batch(log_event(eid="IMPRESSION", edata={"type": "view", **changes}))
    file_all()
    found = RejectedEvent.objects.filter(owner=sender.key.default_owner).first()
    assert found
    return found


def test_a_member_sees_only_rejected_events_of_her_owner(
    team_a: Sender, team_b: Sender, alice: Client, charlie: Client
) -> None:
    mine, theirs = rejected(team_a), rejected(team_b)
    html = html_of(alice, REJECTED)
    assert f"{REJECTED}{mine.pk}/change/" in html
    assert f"{REJECTED}{theirs.pk}/change/" not in html
    assert alice.get(f"{REJECTED}{theirs.pk}/change/").status_code == 302
    assert charlie.get(REJECTED).status_code == 403


def test_the_page_shows_the_reason_and_the_escaped_body(team_a: Sender, alice: Client) -> None:
    found = rejected(team_a, uri="</pre><script>x</script>")
    html = html_of(alice, f"{REJECTED}{found.pk}/change/")
    assert found.message in html
    assert found.code in html
    assert "edata.pageid" in html
    assert "&lt;script&gt;" in html
    assert "<script>x" not in html


@pytest.mark.parametrize("body", [b'{"eid": NaN}', b"\xff\x00\x01 binary", b"[" * 5000, b""])
def test_a_body_that_is_not_json_is_shown_unchanged(team_a: Sender, alice: Client, body: bytes) -> None:
    found = rejected(team_a)
    RejectedEvent.objects.filter(pk=found.pk).update(body=body)
    html = html_of(alice, f"{REJECTED}{found.pk}/change/")
    assert "Bytes as received" in html
    assert f"{len(body):,} bytes." in html


def test_a_long_body_is_truncated_with_a_note(team_a: Sender, alice: Client) -> None:
    found = rejected(team_a)
    RejectedEvent.objects.filter(pk=found.pk).update(body=json.dumps("x" * 300_000).encode())
    html = html_of(alice, f"{REJECTED}{found.pk}/change/")
    assert "The first 200,000 of 300,002 bytes." in html
    assert len(html) < 300_000


def test_rejected_events_can_not_be_changed_here(team_a: Sender, operator: Client) -> None:
    found = rejected(team_a)
    assert operator.get(f"{REJECTED}{found.pk}/delete/").status_code == 403
    assert operator.get(f"{REJECTED}add/").status_code == 403


def test_only_operators_see_waiting_requests(team_a: Sender, alice: Client, operator: Client) -> None:
    team_a.post(SUNBIRD, {"events": [log_event()]})
    html = html_of(operator, WAITING)
    assert "Team A" in html
    assert alice.get(WAITING).status_code == 403
    assert "Waiting requests" not in html_of(alice, "/admin/")
    assert "Waiting requests" in html_of(operator, "/admin/")


def test_an_empty_inbox_is_described(operator: Client) -> None:
    assert "Every acknowledged request has been filed." in html_of(operator, WAITING)
