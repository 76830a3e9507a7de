"""Kinds in the read API: columns as fields and filters, pages by windows, visibility."""

from typing import Any

import pytest
from django.test import Client

from events.api.kinds import own_filters
from events.api.serializers import LISTED
from events.kinds import KINDS
from events.lib import paging
from events.ownership.api_key import KeyType
from tests.api.test_events import get
from tests.sending import AVAILITY, MakeSender, Sender, file_all, log_event, message, now_ms
from tests.wire import samples

LOG = "/api/v1/kinds/log/"


def log_of(mid: str, level: str = "INFO", ets: int = 0, **edata: Any) -> dict[str, Any]:
    told = {"type": "system", "level": level, "message": f"message of {mid}"}
    return log_event(mid, ets=ets or now_ms(), edata=told | edata)


def rows_of(client: Client, key: str, url: str = LOG, **params: Any) -> list[Any]:
    """Return all rows, by following `next`."""
    page = get(client, url, key, **params).json()
    rows: list[Any] = page["results"]
    while page["next"]:
        page = get(client, page["next"], key).json()
        rows += page["results"]
    return rows


def found(client: Client, key: str, **params: Any) -> list[str]:
    return [row["client_event_id"] for row in rows_of(client, key, **params)]


def test_all_kinds_are_listed_with_columns_and_filters(sender: Sender, client: Client) -> None:
    kinds = {each["kind"]: each for each in get(client, "/api/v1/kinds/", sender.text).json()["results"]}
    assert set(kinds) == set(KINDS)
    log = kinds["log"]
    assert log["dialect"] == "sunbird"
    assert {"name": "level", "path": "edata.level"}.items() <= log["columns"][1].items()
    assert {"level", "level__in", "level__contains"} <= set(log["filters"])
    assert get(client, log["events"], sender.text).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_events_of_a_kind_have_its_columns(sender: Sender, client: Client, kind: str) -> None:
    dialect = KINDS[kind].schema.dialect
    if dialect == "sunbird":
        sender.batch(samples.complete(kind, ms=now_ms()))
    elif dialect == "availity":
        sender.post(AVAILITY, message())
    else:
        sender.post("/v1/telemetry/event:emit", samples.complete(kind, ms=now_ms()))
    file_all()
    (row,) = rows_of(client, sender.text, f"/api/v1/kinds/{kind}/")
    detail = get(client, f"/api/v1/events/{row['id']}/", sender.text).json()
    assert row == {name: detail[name] for name in LISTED} | detail["fields"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"level": "ERROR"}, {"b"}),
        ({"level__in": "ERROR,WARN"}, {"b", "c"}),
        ({"message__contains": "of b"}, {"b"}),
        ({"message__contains": "100%"}, set()),
        ({"level": "ERROR", "source": "PORTAL"}, {"b"}),
        ({"level": "ERROR", "actor": "nobody"}, set()),
        ({"owner": "yourteam"}, {"a", "b", "c"}),
        ({"session": "s1", "level": "INFO"}, {"a"}),
        ({"client_event_id": "c"}, {"c"}),
        ({"occurred_after": "2026-01-01T00:00:00Z"}, {"a", "b", "c"}),
        ({"occurred_before": "2026-01-01T00:00:00Z"}, set()),
    ],
)
def test_each_filter_finds_matching_events(
    sender: Sender, client: Client, query: dict[str, str], expected: set[str]
) -> None:
    sender.batch(log_of("a"), log_of("b", "ERROR"), log_of("c", "WARN"))
    file_all()
    assert set(found(client, sender.text, **query)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"duration": "2"}, {"b"}),
        ({"duration__gte": "2"}, {"b", "c"}),
        ({"duration__lte": "2"}, {"a", "b"}),
        ({"duration__gte": "2", "duration__lte": "2"}, {"b"}),
        ({"duration__in": "1,3"}, {"a", "c"}),
    ],
)
def test_numbers_are_filtered_by_value_and_range(
    sender: Sender, client: Client, query: dict[str, str], expected: set[str]
) -> None:
    audits = [samples.complete("audit", ms=now_ms(), mid=mid) for mid in "abc"]
    for number, event in enumerate(audits):
        event["edata"]["duration"] = number + 1
    sender.batch(*audits)
    file_all()
    rows = rows_of(client, sender.text, "/api/v1/kinds/audit/", **query)
    assert {row["client_event_id"] for row in rows} == expected


def test_a_list_of_texts_is_filtered_by_any_of_them(sender: Sender, client: Client) -> None:
    audit = samples.complete("audit", ms=now_ms())
    audit["edata"]["props"] = ["title", "status"]
    sender.batch(audit)
    file_all()
    for text, count in (("status", 1), ("stat", 0)):
        assert len(rows_of(client, sender.text, "/api/v1/kinds/audit/", props__contains=text)) == count


@pytest.mark.parametrize(
    "query",
    [{"level": "a\x00"}, {"duration": "x"}, {"duration__gte": "NaN"}, {"duration__in": "1,x"}],
)
def test_a_value_that_a_column_cannot_have_is_refused(
    sender: Sender, client: Client, query: dict[str, str]
) -> None:
    url = LOG if "level" in query else "/api/v1/kinds/audit/"
    assert get(client, url, sender.text, **query).json()["code"] == "bad_parameter"


@pytest.mark.parametrize("windows", [paging.WINDOWS, (2, 3, 4), (1, 1, 1)])
def test_paging_forward_and_back_shows_each_event_once_for_any_windows(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch, windows: tuple[int, ...]
) -> None:
    monkeypatch.setattr(paging, "WINDOWS", windows)
    base = now_ms()
    levels = ["INFO", "ERROR"]
    sender.batch(*(log_of(f"{n:02d}", levels[n % 2], base - n) for n in range(20)))
    sender.batch(*(samples.complete("audit", ms=base - n, mid=f"audit{n}") for n in range(10)))
    file_all()
    pages = [get(client, LOG, sender.text, page_size=3, level="ERROR").json()]
    while pages[-1]["next"]:
        pages.append(get(client, pages[-1]["next"], sender.text).json())
    seen = [row["client_event_id"] for page in pages for row in page["results"]]
    assert seen == [f"{n:02d}" for n in range(1, 20, 2)]
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(get(client, back[-1]["previous"], sender.text).json())
    last_page = [row["client_event_id"] for row in pages[-1]["results"]]
    again = [row["client_event_id"] for page in reversed(back[1:]) for row in page["results"]] + last_page
    assert again == (seen if last_page else [])


def test_an_invalid_cursor_is_refused(sender: Sender, client: Client) -> None:
    for cursor in ("x", "WzAsIngiXQ==", "WzAsIngiLCJ5Il0="):
        assert get(client, LOG, sender.text, cursor=cursor).json()["code"] == "bad_cursor"


def test_the_list_takes_the_same_number_of_queries_for_any_length(
    sender: Sender, client: Client, django_assert_num_queries: Any
) -> None:
    for count in (1, 30):
        sender.batch(*(log_of(f"{count}-{n}") for n in range(count)))
        file_all()
        # The key, its owners, the end of the window, the page, its envelopes, their owners, their sources,
        # since when rows are kept.
        with django_assert_num_queries(8):
            get(client, LOG, sender.text)


def test_no_filter_reveals_rows_of_another_owner(make_sender: MakeSender, client: Client) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    alice.batch(log_of("of A"))
    bob.batch(log_of("of B"))
    file_all()
    values = {"owner": "A", "source": "portal", "session": "s1", "actor": "u1", "device": "d1"}
    for name, value in (values | {"level": "INFO", "client_event_id": "of A"}).items():
        assert "of A" in found(client, alice.text, **{name: value})
        assert "of A" not in found(client, bob.text, **{name: value})
    assert found(client, alice.text) == ["of A"]


def test_every_kind_has_a_filter_for_each_column() -> None:
    for name, entry in KINDS.items():
        filters = own_filters(name)
        for column in (*entry.model.columns(), *entry.model.computed()):
            assert column.attname in filters, column
