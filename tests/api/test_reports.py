"""Reports in the read API have the figures of their pages, for the reader's owners only."""

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.accounts.audit import AuditEntry
from events.ownership.api_key import KeyType
from reports.api.pages import parameters_of
from reports.pages.page import Page
from reports.pages.registry import PAGES
from tests.admin.conftest import alice, operator, team_a, team_b
from tests.api.exporting import made
from tests.api.test_events import get
from tests.reports.asked import ODD, arrived
from tests.sending import MakeSender, Sender, log_event, now_ms

__all__ = ["alice", "operator", "team_a", "team_b"]
REPORTS = "/api/v1/reports/"
FOR_MEMBERS = [page for page in PAGES if not page.operators_only]
EACH = pytest.mark.parametrize("page", FOR_MEMBERS, ids=lambda page: page.name)


@pytest.fixture
def claims(make_sender: MakeSender) -> Sender:
    """An owner with three events and an error, so that every report has data."""
    sender = make_sender("Claims", kind=KeyType.SECRET)
    error = {"err": "E42", "errtype": "SYSTEM", "stacktrace": "at pay()"}
    arrived(
        sender,
        *(log_event(f"{n}", ets=now_ms() - n * 60_000) for n in range(3)),
        log_event("failed", eid="ERROR", edata=error),
    )
    return sender


@pytest.fixture
def billing(make_sender: MakeSender) -> Sender:
    sender = make_sender("Billing", kind=KeyType.SECRET)
    arrived(sender, *(log_event(f"billing {n}") for n in range(7)))
    return sender


def read(client: Client, sender: Sender, path: str = "", **params: str) -> Any:
    response = get(client, f"{REPORTS}{path}", sender.text, **params)
    assert response.status_code == 200, response.content
    return response.json()


def figure(report: Any, title: str) -> Any:
    return next(each["value"] for each in report["figures"] if each["title"] == title)


def test_the_list_has_the_pages_that_the_reader_may_see(claims: Sender, operator: Client) -> None:
    listed = read(Client(), claims)["results"]
    assert [each["page"] for each in listed] == [page.name for page in FOR_MEMBERS]
    assert listed[0]["address"].endswith("/api/v1/reports/overview/")
    assert "period" in listed[0]["parameters"]
    everything = operator.get(REPORTS).json()["results"]
    assert [each["page"] for each in everything] == [page.name for page in PAGES]


@EACH
def test_every_section_of_every_page_can_be_read(page: Page, claims: Sender, client: Client) -> None:
    zone = {"zone": "Europe/Berlin"} if "zone" in page.filters else {}
    report = read(client, claims, f"{page.name}/", **zone)
    assert report["answer"]
    for section in report["sections"]:
        path, _, query = section["address"].partition(REPORTS)[2].partition("?")
        assert query == ("zone=Europe%2FBerlin" if zone else "")
        table = read(client, claims, path, **zone)
        names = [column["name"] for column in table["columns"]]
        assert len(table["rows"]) == section["rows"]
        assert all([name for name in row if name in names] == names for row in table["rows"])
        assert table["period"] == report["period"]


def test_figures_equal_those_of_the_page(claims: Sender, billing: Sender, client: Client) -> None:
    assert figure(read(client, claims, "overview/"), "Events") == 4
    assert figure(read(client, billing, "overview/"), "Events") == 7
    both = Client()
    key = billing.key
    key.all_owners = True
    key.save()
    assert figure(read(both, billing, "overview/"), "Events") == 11
    assert figure(read(both, billing, "overview/", owner="claims"), "Events") == 4
    assert figure(read(both, billing, "overview/", owner=f"{key.default_owner_id},Claims"), "Events") == 11
    assert figure(read(both, billing, "overview/", kind="error"), "Events") == 1


def test_a_section_can_be_sorted_and_downloaded(claims: Sender, client: Client) -> None:
    latest, earliest = (read(client, claims, "overview/kinds/", sort=sort) for sort in ("-log", "time"))
    assert latest["rows"][0]["log"] == 3
    assert earliest["rows"][0]["time"] < earliest["rows"][-1]["time"]
    assert [column["name"] for column in latest["columns"]][:3] == ["time", "log", "error"]
    response: Any = get(client, f"{REPORTS}overview/kinds/", claims.text, format="csv", sort="-log")
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    head, first, *_ = csv.reader(io.StringIO(text))
    assert head[:3] == ["time (UTC)", "log", "error"]
    assert first[1:3] == ["3", "1"]
    note = AuditEntry.objects.get(action="export.made")
    assert (note.about, note.owner) == ("At a glance, events, by kind, as CSV", claims.key.default_owner)


def test_a_section_is_exported_as_it_is_read(claims: Sender, billing: Sender, client: Client) -> None:
    listed = read(client, claims, "overview/kinds/", period="7d")["rows"]
    of_section = {"page": "overview", "section": "kinds", "period": "7d"}
    assert list(map(json.loads, made(client, claims, "report", **of_section).splitlines())) == listed
    assert len(made(client, claims, "report", "csv", **of_section).splitlines()) == len(listed) + 1


def test_accept_selects_csv_and_errors_stay_json(claims: Sender, client: Client) -> None:
    headers = {"Authorization": f"Bearer {claims.text}", "Accept": "text/csv"}
    response: Any = client.get(f"{REPORTS}overview/kinds/", headers=headers)
    assert response["Content-Type"].startswith("text/csv")
    assert b"".join(response.streaming_content)
    failed = client.get(f"{REPORTS}overview/nothing/", headers=headers)
    assert (failed.status_code, failed.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("overview/?perod=7d", "unknown_parameter"),
        ("overview/?period=never", "bad_parameter"),
        ("overview/?owner=Billing", "bad_parameter"),
        ("overview/?period=7d&period=30d", "bad_parameter"),
        ("overview/kinds/?sort=nothing", "bad_parameter"),
        ("overview/kinds/?format=pdf", "bad_parameter"),
        ("overview/nothing/", "not_found"),
        ("nothing/", "not_found"),
        ("pipeline/", "not_found"),
    ],
)
def test_an_invalid_request_is_refused(
    claims: Sender, billing: Sender, client: Client, path: str, code: str
) -> None:
    response = client.get(f"{REPORTS}{path}", headers={"Authorization": f"Bearer {claims.text}"})
    assert response.json()["code"] == code, response.content
    assert "Billing" not in response.content.decode().replace("owner Billing", "")


@pytest.mark.parametrize("odd", ODD)
def test_odd_filters_are_refused(odd: str, claims: Sender, client: Client) -> None:
    response = client.get(f"{REPORTS}overview/?{odd}", headers={"Authorization": f"Bearer {claims.text}"})
    assert response.status_code in (200, 400), response.content


@EACH
def test_a_report_takes_no_more_queries_than_its_page(page: Page, claims: Sender, alice: Client) -> None:
    counts = []
    for path in (f"/reports/{page.name}/", f"{REPORTS}{page.name}/"):
        with CaptureQueriesContext(connection) as captured:
            assert alice.get(path).status_code == 200
        counts.append(len(captured))
    assert counts[1] <= counts[0]


def test_parameters_of_reports_are_named() -> None:
    for page in PAGES:
        assert set(page.own) <= set(parameters_of(page))
        assert ({"from", "to"} <= set(parameters_of(page))) == ("period" in page.filters)
