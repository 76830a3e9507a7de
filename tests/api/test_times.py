"""Errors about times in parameters say what to write instead."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from events.lib import times
from events.ownership.api_key import KeyType
from reports.pages.parameters import Choices, parse
from telemetry_project.api import description
from tests.admin.conftest import EVENTS, alice, html_of, lead, team_a
from tests.api.described import parameters_of
from tests.api.test_problems import problem
from tests.sending import MakeSender

__all__ = ["alice", "lead", "team_a"]

UNESCAPED = "2026-11-01T00:00:00+05:30"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def parameters() -> list[tuple[str, str]]:
    """Return every query parameter of the API that is a time, with its path."""
    paths = json.loads(json.dumps(description(), default=str))["paths"]
    return [
        (path, parameter["name"])
        for path, item in paths.items()
        for parameter in parameters_of(item.get("get", {}))
        if parameter["in"] == "query" and parameter["schema"].get("format") == "date-time"
    ]


@pytest.fixture
def key(make_sender: MakeSender) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_sender(kind=KeyType.SECRET).text}"}


def test_most_lists_can_be_filtered_by_time() -> None:
    assert len({path for path, _ in parameters()}) > 20


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (UNESCAPED, "2026-11-01T00:00:00%2B05:30"),
        ("1761955200", "2025-11-01T00:00:00Z"),
        ("1761955200123", "2025-11-01T00:00:00Z"),
        ("1701011212345", "2023-11-26T15:06:52Z"),
        ("yesterday", "2026-01-31T09:30:00Z"),
    ],
)
def test_errors_about_times_say_what_to_write(
    client: Client, key: dict[str, str], written: str, said: str
) -> None:
    for path, name in parameters():
        found = problem(client.get(f"{path}?{name}={written}", headers=key))
        assert found["code"] == "bad_parameter"
        assert said in found["errors"][name][0], (path, name, found)


def test_the_suggested_time_is_accepted(client: Client, key: dict[str, str]) -> None:
    for path, name in parameters():
        answer = client.get(f"{path}?{name}=2026-11-01T00:00:00%2B05:30", headers=key)
        assert answer.status_code == 200, (path, name, answer.content)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01T00:00:00+05:30", datetime(2026, 10, 31, 18, 30, tzinfo=UTC)),
        ("2026-11-01 05:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("20261101", datetime(2026, 11, 1, tzinfo=UTC)),
        (" 2026-11-01T00:00Z ", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_common_notations_of_times_are_parsed(text: str, at: datetime) -> None:
    assert times.parse_time(text) == at


@pytest.mark.parametrize("text", ["-1", "1e400", "9" * 400, "0", "1761955200.5", "٣", "", "2026-13-01"])
def test_invalid_times_are_refused_with_an_explanation(text: str) -> None:
    for read in (times.parse_time, times.parse_day):
        with pytest.raises(ValueError, match=r"write|use|isn't a date like"):
            read(text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (UNESCAPED, "write %2B instead: 2026-11-01T00:00:00%2B05:30."),
        ("1761955200", "such as 2025-11-01T00:00:00Z."),
        ("1900-01-01", "is before 1970"),
    ],
)
@pytest.mark.parametrize("name", ["since", "until", "received_since", "received_until"])
def test_the_list_of_events_says_what_to_write(alice: Client, name: str, written: str, said: str) -> None:
    assert said in html_of(alice, f"{EVENTS}?{name}={written}")


@pytest.mark.parametrize("path", ["/admin/events/session/", "/admin/events/log/"])
def test_other_lists_of_the_admin_say_what_to_write(alice: Client, path: str) -> None:
    assert "write %2B instead" in html_of(alice, f"{path}?since={UNESCAPED}")


def test_the_list_of_rejected_events_says_what_to_write(lead: Client) -> None:
    rejected = "/admin/ingestion/rejectedevent/"
    assert "write %2B instead" in html_of(lead, f"{rejected}?since={UNESCAPED}")
    assert "such as 2025-11-01" in html_of(lead, f"{rejected}?day=1761955200")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1761955200", "such as 2025-11-01; these"),
        ("2026-11-01T00:00:00+05:30", "use only the date, 2026-11-01; these"),
        ("2026-11-01T00:00:00 05:30", "isn't a date like 2026-01-31; these"),
    ],
)
@pytest.mark.parametrize("name", ["from", "to"])
def test_errors_about_days_of_reports_say_what_to_write(name: str, written: str, said: str) -> None:
    choices = Choices({1: "A"}, {}, (), sees_all=False)
    (error,) = parse({name: [written]}, choices, NOW).errors

    assert said in error


@pytest.mark.parametrize("at", ["1761955200", 1761955200, 1701011212345])
def test_replays_refuse_the_same_times(client: Client, make_sender: MakeSender, at: Any) -> None:
    key = make_sender(kind=KeyType.SECRET).text
    response = client.post(
        "/api/v1/rejected/replay/",
        {"received_after": at},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert response.status_code == 400
    assert "is a number; use a time" in response.json()["errors"]["received_after"][0]
