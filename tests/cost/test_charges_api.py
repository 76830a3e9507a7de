"""Charges in the read API: exact, by period, for the reader's owners only."""

import json
from typing import Any

import pytest
from django.test import Client

from events.ownership.api_key import KeyType
from reports.cost.charging.updating import update_charges
from tests.api.exporting import made
from tests.api.test_events import get
from tests.cost.ledgers import assign, at, plan, use
from tests.sending import MakeSender, Sender

CHARGES = "/api/v1/charges/"
TIME = {"since": "2026-09-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}


def rows(client: Client, key: str, **params: Any) -> list[dict[str, Any]]:
    response = get(client, CHARGES, key, **TIME | params)
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


@pytest.fixture
def alice(make_sender: MakeSender) -> Sender:
    return make_sender("A", kind=KeyType.SECRET)


@pytest.fixture
def bob(make_sender: MakeSender, alice: Sender) -> Sender:
    """An owner in alice's organization. Both have charges."""
    made = make_sender("B", kind=KeyType.SECRET)
    a, b = alice.key.default_owner, made.key.default_owner
    assign(plan(prices={"events": "0.0000000003"}), of=a.organization)
    use(a, at(1, 5), by="portal", stored=1_000_001)
    use(a, at(1, 6), by="app", stored=2, billed_bytes=1)
    use(b, at(2), by="portal", stored=7)
    update_charges(a.organization_id, at(2))
    return made


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("hour", ["2026-09-01T06:00:00Z", "2026-09-01T05:00:00Z"]),
        ("day", ["2026-09-01T00:00:00Z", "2026-09-01T00:00:00Z"]),
        ("month", ["2026-09-01T00:00:00Z", "2026-09-01T00:00:00Z"]),
    ],
)
def test_charges_are_summed_by_period_without_rounding(
    alice: Sender, bob: Sender, client: Client, group: str, expected: list[str]
) -> None:
    span = {"until": "2026-09-03T00:00:00Z"}
    found = rows(client, alice.text, group=group, meter="events", **span)
    assert [row["period"] for row in found] == expected
    costs = {row["source"]: (row["consumed"], row["quantity"], row["cost"]) for row in found}
    assert costs == {
        "portal": ("1000001", "1.000001", "0.0000000003000003"),
        "app": ("2", "0.000002", "0.0000000000000006"),
    }
    assert {row["currency"] for row in found} == {"EUR"}


def test_filters_find_matching_charges(alice: Sender, bob: Sender, client: Client) -> None:
    for query, meters in (
        ({"source": "APP"}, {"events", "ingested", "stored"}),
        ({"source": "app", "meter": "stored"}, {"stored"}),
        ({"owner": "a", "kind": "log"}, {"events", "ingested", "stored"}),
        ({"owner": "b"}, set()),
        ({"dialect": "availity"}, set()),
        ({"until": "2026-09-01T00:00:00Z"}, set()),
    ):
        assert {row["meter"] for row in rows(client, alice.text, **query)} == meters, query


@pytest.mark.parametrize("group", ["hour", "day", "month"])
def test_pages_show_each_row_once(alice: Sender, bob: Sender, client: Client, group: str) -> None:
    span = {"since": "2026-09-01T00:00:00Z", "until": "2026-09-02T12:00:00Z", "group": group}
    every = get(client, CHARGES, alice.text, page_size=1000, **span).json()["results"]
    page = get(client, CHARGES, alice.text, page_size=2, **span).json()
    found = page["results"]
    while page["next"]:
        page = get(client, page["next"], alice.text).json()
        found += page["results"]
    assert found == every
    assert len(every) > 3


def test_an_invalid_request_gets_a_problem(alice: Sender, client: Client) -> None:
    for query in (
        {"group": "hour", **TIME, "until": "2026-12-01T00:00:00Z"},
        {"meter": "money"},
        {"by": "1"},
    ):
        response = get(client, CHARGES, alice.text, **query)
        assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json"), query
    fields = get(client, CHARGES, alice.text, fields="cost,meter")
    assert fields.status_code == 200


def test_nobody_sees_another_owners_charges(alice: Sender, bob: Sender, client: Client) -> None:
    for group in ("hour", "day", "month"):
        span = {"group": group, "until": "2026-09-03T00:00:00Z"}
        assert {row["owner"] for row in rows(client, alice.text, **span)} == {"A"}
        assert {row["owner"] for row in rows(client, bob.text, **span)} == {"B"}


def test_charges_are_exported_as_they_are_listed(alice: Sender, bob: Sender, client: Client) -> None:
    for group in ("hour", "day"):
        lines = made(client, alice, "charges", group=group, **TIME).splitlines()
        assert list(map(json.loads, lines)) == rows(client, alice.text, group=group)
        assert len(lines) > 1
