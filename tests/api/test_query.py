"""Queries in the read API: metrics by dimensions, for the reader's owners only."""

from typing import Any

import pytest
from django.test import Client

from events.ownership.api_key import KeyType
from reports.api.query import DATASETS, dimensions_of
from tests.reports.asked import arrived
from tests.sending import MakeSender, Sender, log_event, now_ms

QUERY = "/api/v1/query/"


@pytest.fixture
def claims(make_sender: MakeSender) -> Sender:
    """An owner with five log entries of two levels and two versions."""
    sender = make_sender("Claims", kind=KeyType.SECRET)
    entry = {"type": "system", "message": "m"}
    levels = ("INFO", "INFO", "ERROR", "INFO", "ERROR")
    arrived(
        sender,
        *(
            log_event(f"{n}", ets=now_ms() - n * 1_000, edata=entry | {"level": level})
            for n, level in enumerate(levels)
        ),
    )
    return sender


@pytest.fixture
def billing(make_sender: MakeSender) -> Sender:
    sender = make_sender("Billing", kind=KeyType.SECRET)
    arrived(sender, log_event("of billing"))
    return sender


def ask(sender: Sender, **question: Any) -> Any:
    return Client().post(
        QUERY, question, content_type="application/json", headers={"Authorization": f"Bearer {sender.text}"}
    )


def rows(sender: Sender, **question: Any) -> Any:
    response = ask(sender, **question)
    assert response.status_code == 200, response.content
    return response.json()["rows"]


def test_metrics_are_grouped_by_dimensions(claims: Sender, billing: Sender) -> None:
    found = rows(claims, dataset="logs", metrics=["entries", "errors"], dimensions=["level"])
    assert found == [
        {"level": "INFO", "entries": 3, "errors": 0},
        {"level": "ERROR", "entries": 2, "errors": 2},
    ]
    assert rows(claims, dataset="logs", metrics=["error_share"]) == [{"error_share": 0.4}]
    assert rows(claims, dataset="events", metrics=["events"], dimensions=["owner", "source"]) == [
        {"owner": "Claims", "source": "portal", "events": 5}
    ]


def test_a_query_can_filter_order_and_limit_rows(claims: Sender) -> None:
    question = {"dataset": "logs", "metrics": ["entries"], "dimensions": ["level"]}
    assert rows(claims, **question, order="entries", limit=1) == [{"level": "ERROR", "entries": 2}]
    assert ask(claims, **question, limit=1).json()["of"] == 2
    assert rows(claims, **question, where={"level": ["ERROR", "FATAL"]}) == [{"level": "ERROR", "entries": 2}]
    of_portal = {"owner": "claims", "source": "PORTAL", "kind": "log", "period": "30d"}
    assert rows(claims, **question, filters=of_portal)[0]["entries"] == 3
    assert rows(claims, **question, filters={"from": "2026-01-01", "to": "2026-01-02"}) == []


def test_values_over_time_have_a_row_for_each_bucket(claims: Sender) -> None:
    question = {"dataset": "logs", "metrics": ["entries", "error_share"], "over_time": "day"}
    found = rows(claims, **question, filters={"period": "7d", "zone": "Asia/Kathmandu"})
    assert len(found) == 7
    assert sum(row["entries"] or 0 for row in found) == 5
    assert all("bucket" in row for row in found)
    by_level = rows(
        claims, dataset="logs", metrics=["entries"], dimensions=["level"], over_time="day", limit=1
    )
    assert {(row["level"], row["is_rest"]) for row in by_level} == {("INFO", False), (None, True)}
    assert sum(row["entries"] or 0 for row in by_level) == 5


def test_a_query_neither_counts_nor_names_other_owners(claims: Sender, billing: Sender) -> None:
    assert rows(billing, dataset="logs", metrics=["entries"]) == [{"entries": 1}]
    response = ask(billing, dataset="logs", metrics=["entries"], filters={"owner": "Claims"})
    assert response.status_code == 400
    number = str(claims.key.default_owner_id)
    assert ask(billing, dataset="logs", metrics=["entries"], filters={"owner": number}).status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dataset": "nothing"}, "dataset"),
        ({"metrics": []}, "metrics"),
        ({"metrics": ["nothing"]}, "metrics"),
        ({"metrics": ["entries"] * 13}, "metrics"),
        ({"dimensions": ["shoe"]}, "dimensions"),
        ({"dimensions": ["level", "source", "version", "owner"]}, "dimensions"),
        ({"where": {"shoe": ["1"]}}, "where"),
        ({"where": {"level": []}}, "where"),
        ({"filters": {"shoe": "1"}}, "filters"),
        ({"filters": {"period": "never"}}, "filters"),
        ({"order": "nothing"}, "order"),
        ({"limit": 0}, "limit"),
        ({"limit": 1_001}, "limit"),
        ({"over_time": "century"}, "over_time"),
        ({"over_time": "day", "dimensions": ["level", "source"]}, "dimensions"),
        ({"over_time": "quarter_hour", "filters": {"from": "2020-01-01", "to": "2022-01-01"}}, "filters"),
        ({"shoe": 1}, "shoe"),
    ],
)
def test_an_invalid_query_names_the_field(claims: Sender, change: dict[str, Any], field: str) -> None:
    response = ask(claims, **({"dataset": "logs", "metrics": ["entries"]} | change))
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    assert field in response.json()["errors"]


@pytest.mark.parametrize("body", ["[]", '"x"', "{", "null", '{"dataset": {}, "metrics": 5}'])
def test_invalid_bodies_are_refused(claims: Sender, body: str) -> None:
    response = Client().post(
        QUERY, body, content_type="application/json", headers={"Authorization": f"Bearer {claims.text}"}
    )
    assert response.status_code == 400, response.content


def test_every_metric_can_be_grouped_by_each_of_its_dimensions(claims: Sender) -> None:
    described = Client().get(QUERY, headers={"Authorization": f"Bearer {claims.text}"}).json()["results"]
    assert {each["name"] for each in described} == set(DATASETS)
    for dataset in DATASETS.values():
        for metric in dataset.metrics:
            assert ask(claims, dataset=dataset.name, metrics=[metric.name]).status_code == 200
            for dimension in dimensions_of(dataset, metric):
                response = ask(claims, dataset=dataset.name, metrics=[metric.name], dimensions=[dimension])
                assert response.status_code in (200, 400), (dataset.name, metric.name, dimension)
                if response.status_code == 400:
                    assert "must be a sum" in response.content.decode()
