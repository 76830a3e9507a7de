"""Lists show only sources with stored events; others appear only where rejected events that name them do."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from django.utils import timezone

from events.access import Access
from events.admin.overview import silent_sources_of
from events.ownership.api_key import KeyType
from events.ownership.owner import Role
from events.ownership.source import UNKNOWN, Source
from events.store.usage import UsageHour
from ingestion.rejected.event import RejectedEvent
from tests.admin.conftest import EVENTS, html_of
from tests.factories import person
from tests.sending import AVAILITY, MakeSender, Sender, file_all, log_event, message

REJECTED = "/admin/ingestion/rejectedevent/"
SOURCES = "/admin/events/source/"
LISTS = (EVENTS, "/admin/events/session/", "/admin/events/log/", SOURCES, "/reports/overview/", "/admin/")
LONG = "x" * 101


def of(name: str, **changes: Any) -> dict[str, Any]:
    context = {"channel": "c1", "env": "home", "pdata": {"id": name}, "sid": "s1", "did": "d1"}
    return log_event(f"LOG:{name}", context=context, **changes)


@pytest.fixture
def team(make_sender: MakeSender) -> Sender:
    """A team with one stored source, and rejected events that name two others."""
    team = make_sender("Team A", kind=KeyType.SECRET)
    team.batch(of("portal"), of("typo", edata={}), of(LONG))
    file_all()
    return team


@pytest.fixture(params=["viewer", "lead", "operator"])
def reader(request: pytest.FixtureRequest, team: Sender) -> User:
    """A person who sees the team's events."""
    if request.param == "operator":
        return person("olga", is_superuser=True)
    role = Role.LEAD if request.param == "lead" else Role.VIEWER
    return person("rita", team.key.default_owner, role=role)


@pytest.fixture
def page(reader: User) -> Client:
    client = Client()
    client.force_login(reader)
    return client


@pytest.mark.parametrize("path", LISTS)
def test_sources_named_only_by_rejected_events_are_in_no_list(page: Client, path: str) -> None:
    html = html_of(page, path)

    assert "portal" in html or path == "/admin/"
    assert "typo" not in html
    assert LONG[:100] not in html


def test_the_api_lists_only_sources_with_stored_events(client: Client, team: Sender) -> None:
    found = client.get("/api/v1/sources/", headers={"Authorization": f"Bearer {team.text}"}).json()["results"]

    assert [row["name"] for row in found] == ["portal"]


def test_rejected_events_can_be_filtered_by_any_source_they_name(page: Client, team: Sender) -> None:
    typo = Source.objects.get(name="typo")

    html = html_of(page, f"{REJECTED}?source={typo.pk}")

    assert f'<option value="{typo.pk}" selected>typo</option>' in html
    assert RejectedEvent.objects.get(source=typo).code in html
    assert "typo" in html_of(page, f"{REJECTED}groups/")


def test_a_source_without_stored_events_has_a_page(page: Client, team: Sender) -> None:
    typo = Source.objects.get(name="typo")

    html = html_of(page, f"{SOURCES}{typo.pk}/change/")
    assert "typo sent 1 event in the last 14 days, 1 rejected" in " ".join(
        re.sub("<[^>]+>", " ", html).split()
    )
    assert page.get(f"{SOURCES}999999/change/").status_code == 302


def test_a_report_can_be_filtered_by_such_a_source(page: Client, team: Sender) -> None:
    typo = Source.objects.get(name="typo")

    assert "Source: typo (1 of 2 sources)" in html_of(page, f"/reports/quality/?source={typo.pk}")


def test_sources_named_only_by_rejected_events_are_never_silent(reader: User, team: Sender) -> None:
    UsageHour.objects.update(hour=F("hour") - timedelta(days=2))

    assert {each.name for each in silent_sources_of(Access(reader), timezone.now())} == {"portal"}


def test_a_name_too_long_for_a_source_is_not_truncated_to_another(team: Sender) -> None:
    named = set(RejectedEvent.objects.values_list("source__name", flat=True))

    assert named == {"typo", UNKNOWN}
    assert not Source.objects.filter(name__startswith="xx").exists()


def test_a_source_is_listed_once_it_has_a_stored_event(reader: User, team: Sender) -> None:
    team.batch(of("typo"))
    file_all()

    assert set(Access(reader).listed_sources.values_list("name", flat=True)) >= {"portal", "typo"}


def test_sources_are_hidden_from_people_who_may_not_see_the_events(
    team: Sender, make_sender: MakeSender
) -> None:
    bob = Access(person("bob", make_sender("Team B").key.default_owner))

    assert not bob.visible_sources.exists()
    assert not bob.listed_sources.exists()


def test_sources_in_rejected_availity_messages_are_not_listed(make_sender: MakeSender) -> None:
    team = make_sender("Team A")
    team.post(AVAILITY, message(owner="Team A", source_system=LONG))
    team.post(AVAILITY, message(owner="Team A", source_system="typo", version="9"))
    file_all()
    olga = Access(person("olga", is_superuser=True))

    assert "typo" not in set(olga.listed_sources.values_list("name", flat=True))
    assert not Source.objects.filter(name__startswith="xx").exists()
