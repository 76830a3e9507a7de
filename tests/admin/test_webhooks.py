"""Webhooks in the admin: access, validation, secrets, pausing, sending again."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.ownership.owner import Role
from events.webhooks.webhook import Webhook, WebhookAttempt
from tests.admin.conftest import alice, html_of, lead, logged_in, operator, team_a, team_b
from tests.factories import person
from tests.sending import Sender

__all__ = ["alice", "lead", "operator", "team_a", "team_b"]

PAGE = "/admin/events/webhook/"
LOG = "/admin/events/webhookattempt/"
SECRET = re.compile(r">(whsec_[A-Za-z0-9+/=]+)<")


def form(sender: Sender, **changes: str) -> dict[str, Any]:
    """Return the form as a browser posts it. Without `active`, the switch is off."""
    given = {"name": "chat", "url": "https://chat.example/hook", "what": "events", "filter": "", "fields": ""}
    return {"owner": str(sender.key.default_owner_id), **given, **changes}


def added(client: Client, sender: Sender, **changes: str) -> Webhook:
    response = client.post(f"{PAGE}add/", form(sender, **changes))
    assert response.status_code == 200, response.content
    return Webhook.objects.latest("pk")


def test_a_lead_adds_a_webhook_and_sees_its_secret_once(team_a: Sender, lead: Client) -> None:
    response = lead.post(f"{PAGE}add/", form(team_a))
    webhook = Webhook.objects.get()
    found = SECRET.search(response.content.decode())
    assert found is not None
    assert found[1] == webhook.secret
    assert "no-store" in response["Cache-Control"]
    for page in (PAGE, f"{PAGE}{webhook.pk}/change/", f"{PAGE}{webhook.pk}/history/"):
        assert webhook.secret not in html_of(lead, page)
    entry = AuditEntry.objects.get(action="webhook.made")
    assert entry.owner == webhook.owner
    assert webhook.secret not in str(entry.after)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"url": "http://chat.example/"}, "must begin with https://"),
        ({"url": "https://0x7f.1/"}, "isn&#x27;t public"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "isn&#x27;t public"),
        ({"filter": "nope=1"}, "nope: There is no such parameter."),
        ({"filter": "kind=NOPE"}, "kind: "),
        ({"what": "sessions", "filter": "level=ERROR"}, "level: There is no such parameter."),
        ({"what": "rejected", "filter": "codes=unknown"}, "codes: There is no such parameter."),
        ({"fields": "id,nope"}, "There is no field &#x27;nope&#x27;."),
    ],
)
def test_the_form_refuses_invalid_values(
    changes: dict[str, str], error: str, team_a: Sender, lead: Client
) -> None:
    response = lead.post(f"{PAGE}add/", form(team_a, **changes))
    assert error in response.content.decode()
    assert not Webhook.objects.exists()


def test_only_leads_of_the_owner_have_access(
    team_a: Sender, team_b: Sender, alice: Client, lead: Client
) -> None:
    webhook = added(lead, team_a)
    stranger = logged_in(person("lars", team_b.key.default_owner, role=Role.LEAD))
    assert "chat.example" not in html_of(stranger, PAGE)
    for client in (alice, stranger):
        for path in ("change/", "rotate/", "delete/"):
            response = client.post(f"{PAGE}{webhook.pk}/{path}", {**form(team_a), "post": "yes"})
            assert response.status_code in (302, 403)
        assert client.post(f"{PAGE}add/", form(team_a, name="other")).status_code in (200, 403)
    kept = Webhook.objects.get()
    assert (kept.secret, kept.paused_at) == (webhook.secret, None)


def test_a_change_keeps_what_workers_have_stored(team_a: Sender, lead: Client) -> None:
    webhook = added(lead, team_a)
    Webhook.objects.update(message="msg_1", message_end=webhook.cursor, failures=2)
    page = f"{PAGE}{webhook.pk}/change/"
    assert lead.post(page, form(team_a, name="renamed", active="on")).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.message, webhook.failures) == ("renamed", "msg_1", 2)
    assert lead.post(page, form(team_a, filter="kind=LOG", active="on")).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.message, webhook.message_end) == ("", ""), "its message is of the old filter"


def test_a_webhook_can_be_paused_and_resumed(team_a: Sender, lead: Client) -> None:
    webhook = added(lead, team_a)
    page = f"{PAGE}{webhook.pk}/change/"
    assert lead.post(page, form(team_a)).status_code == 302
    webhook.refresh_from_db()
    assert webhook.state == "paused: Paused by lena."
    Webhook.objects.update(failures=3, failing_since=timezone.now())
    assert lead.post(page, form(team_a, active="on")).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.state, webhook.failing_since) == ("active", None)
    actions = AuditEntry.objects.filter(about_type="webhook").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "webhook.made",
        "webhook.paused",
        "webhook.resumed",
    ]


def test_the_secret_can_be_rotated(team_a: Sender, lead: Client) -> None:
    webhook = added(lead, team_a)
    assert "Create the new secret" in html_of(lead, f"{PAGE}{webhook.pk}/rotate/")
    response = lead.post(f"{PAGE}{webhook.pk}/rotate/")
    found = SECRET.search(response.content.decode())
    old = webhook.secret
    webhook.refresh_from_db()
    assert found is not None
    assert found[1] == webhook.secret != old
    assert webhook.keys(timezone.now()) == [webhook.secret, old]
    assert AuditEntry.objects.filter(action="webhook.rotated", owner=webhook.owner).count() == 1


def test_the_log_shows_attempts_and_can_send_again(team_a: Sender, lead: Client, alice: Client) -> None:
    webhook = added(lead, team_a)
    attempt = WebhookAttempt.objects.create(
        webhook=webhook,
        message="msg_1",
        begin=webhook.cursor,
        end=webhook.cursor,
        at=timezone.now(),
        milliseconds=35,
        rows=3,
        bytes=2_048,
        status=500,
        error="Status 500.",
    )
    assert "Status 500." in html_of(lead, f"{LOG}?webhook={webhook.pk}&result=failed")
    assert "Status 500." not in html_of(lead, f"{LOG}?result=delivered")
    page = html_of(lead, f"{LOG}{attempt.pk}/change/")
    assert "Send again" in page
    assert "msg_1" in page
    alice.post(f"{LOG}{attempt.pk}/again/")
    lead.get(f"{LOG}{attempt.pk}/again/")
    assert not WebhookAttempt.objects.filter(again_at__isnull=False).exists()
    assert lead.post(f"{LOG}{attempt.pk}/again/").status_code == 302
    assert WebhookAttempt.objects.filter(pk=attempt.pk, again_at__isnull=False).exists()
    assert AuditEntry.objects.get(action="webhook.sent_again").owner == webhook.owner
