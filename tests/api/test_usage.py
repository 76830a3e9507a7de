"""Usage in the read API: sums by period that agree with the events, for the reader's owners only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events.ownership.api_key import KeyType
from events.store.usage import UsageHour
from tests.api.test_events import get
from tests.sending import MakeSender, Sender, file_all, log_event

USAGE = "/api/v1/usage/"


def rows(client: Client, key: str, **params: Any) -> list[dict[str, Any]]:
    response = get(client, USAGE, key, **params)
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def used(sender: Sender, hour: datetime, **measures: int) -> None:
    """Add an hour of usage to the existing one."""
    row = UsageHour.objects.filter(owner=sender.key.default_owner).earliest("pk")
    row.pk, row.hour = None, hour
    for name, value in measures.items():
        setattr(row, name, value)
    row.save()


@pytest.fixture
def filed(sender: Sender) -> Sender:
    sender.batch(log_event("1"), log_event("1"), log_event("2"), {"eid": "NOPE", "mid": "m"})
    file_all()
    return sender


def test_usage_is_counted_by_owner_source_kind_and_format(filed: Sender, client: Client) -> None:
    found = {row["kind"]: row for row in rows(client, filed.text)}
    log = found["log"]
    assert (log["owner"], log["source"], log["dialect"]) == ("YourTeam", "portal", "sunbird")
    assert (log["received"], log["stored"], log["duplicates"], log["rejected"]) == (3, 2, 1, 0)
    assert sum(row["rejected"] for row in found.values()) == 1
    assert log["billed_bytes"] > 100


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("hour", {"2026-03-05T10:00:00Z": 1, "2026-03-05T11:00:00Z": 2, "2026-03-06T00:00:00Z": 4}),
        ("day", {"2026-03-05T00:00:00Z": 3, "2026-03-06T00:00:00Z": 4}),
        ("month", {"2026-03-01T00:00:00Z": 7}),
    ],
)
def test_rows_are_sums_by_hour_day_or_month(
    filed: Sender, client: Client, group: str, expected: dict[str, int]
) -> None:
    for moment, received in (((2026, 3, 5, 10), 1), ((2026, 3, 5, 11), 2), ((2026, 3, 6, 0), 4)):
        used(filed, datetime(*moment, tzinfo=UTC), received=received)
    period = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-31T00:00:00Z"}
    found = rows(client, filed.text, group=group, **period)
    assert {row["period"]: row["received"] for row in found} == expected
    assert [row["period"] for row in found] == sorted(expected, reverse=True)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"owner": "yourteam"}, 2),
        ({"owner": "other"}, 0),
        ({"source": "PORTAL"}, 1),
        ({"kind": "log"}, 1),
        ({"dialect": "sunbird"}, 2),
        ({"dialect": "availity"}, 0),
        ({"until": "2026-01-01T00:00:00Z"}, 0),
    ],
)
def test_each_filter_finds_matching_rows(
    filed: Sender, client: Client, query: dict[str, str], count: int
) -> None:
    assert len(rows(client, filed.text, **query)) == count


def test_the_last_time_of_the_calendar_is_refused(filed: Sender, client: Client) -> None:
    for query in ({"until": "0001-01-01T00:00:00Z"}, {"since": "9999-12-31T23:59:59-23:00"}):
        assert get(client, USAGE, filed.text, **query).status_code in (200, 400)


def test_too_long_a_period_is_refused(filed: Sender, client: Client) -> None:
    since = (timezone.now() - timedelta(days=32)).isoformat()
    assert get(client, USAGE, filed.text, group="hour", since=since).json()["errors"]["since"]
    assert rows(client, filed.text, group="day", since=since)


@pytest.mark.parametrize("group", ["hour", "day", "month"])
def test_paging_forward_and_back_shows_each_row_once(filed: Sender, client: Client, group: str) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for hours in range(1, 30):
        used(filed, now - timedelta(hours=hours))
    every = rows(client, filed.text, group=group)
    pages = [get(client, USAGE, filed.text, group=group, page_size=2).json()]
    while pages[-1]["next"]:
        pages.append(get(client, pages[-1]["next"], filed.text).json())
    assert [row for page in pages for row in page["results"]] == every
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(get(client, back[-1]["previous"], filed.text).json())
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in pages]


def test_nobody_sees_another_owners_usage(make_sender: MakeSender, client: Client) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    alice.batch(log_event())
    file_all()
    assert [row["owner"] for row in rows(client, alice.text)] == ["A"]
    for query in ({}, {"owner": "A"}, {"source": "portal"}, {"kind": "log"}):
        assert rows(client, bob.text, **query) == []
