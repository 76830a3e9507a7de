"""When keys were last used: set by filing and by reading, at most once a minute."""

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.ownership.api_key import ApiKey
from tests.admin.conftest import html_of
from tests.sending import SUNBIRD, Sender, file_all, log_event


def used(sender: Sender) -> ApiKey:
    return ApiKey.objects.get(pk=sender.key.pk)


def test_the_last_use_is_set_when_a_request_is_filed(team_a: Sender, team_b: Sender) -> None:
    team_b.batch(log_event())
    with CaptureQueriesContext(connection) as asked:
        team_b.batch(log_event("LOG:2"))
    assert not [query for query in asked if "last_used" in query["sql"]]
    assert used(team_b).last_used_at is None
    file_all()
    noted = used(team_b).last_used_at
    assert noted
    assert noted > used(team_b).created_at
    assert used(team_a).last_used_at is None


def test_the_last_use_is_updated_at_most_once_a_minute(team_a: Sender) -> None:
    team_a.batch(log_event())
    file_all()
    first = used(team_a).last_used_at
    team_a.batch(log_event("LOG:2"))
    file_all()
    assert used(team_a).last_used_at == first
    assert first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    team_a.batch(log_event("LOG:3"))
    file_all()
    noted = used(team_a).last_used_at
    assert noted
    assert noted > first


def test_a_rejected_event_counts_as_a_use_but_a_refused_request_does_not(
    team_a: Sender, team_b: Sender
) -> None:
    team_a.post(SUNBIRD, {"events": [log_event(eid="NOTHING")]})
    assert team_b.post(SUNBIRD, "no JSON").status_code == 400
    file_all()
    assert used(team_a).last_used_at
    assert used(team_b).last_used_at is None


def test_reading_counts_as_a_use(sender: Sender) -> None:
    headers = {"Authorization": f"Bearer {sender.text}"}
    assert sender.client.get("/api/v1/events/", headers=headers).status_code == 200
    first = used(sender).last_used_at
    assert first
    assert sender.client.get("/api/v1/events/", headers=headers).status_code == 200
    assert used(sender).last_used_at == first


def test_the_list_and_page_of_keys_show_the_last_use(team_a: Sender, operator: Client) -> None:
    assert "never" in html_of(operator, "/admin/events/apikey/")
    team_a.batch(log_event())
    file_all()
    noted = used(team_a).last_used_at
    assert noted
    for path in ("/admin/events/apikey/", f"/admin/events/apikey/{team_a.key.pk}/change/"):
        assert f"{noted:%Y-%m-%d %H:%M}" in html_of(operator, path), path
    assert "to the minute" in html_of(operator, f"/admin/events/apikey/{team_a.key.pk}/change/")
