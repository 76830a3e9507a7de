"""Every column is a field and a filter: the envelope's, those of each kind, and paths inside JSON.

The cases are derived from declarations: for each column, an event with a value is found by its filters and by
no other value, and the response has the value under the column's name.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.db import models
from django.test import Client

from events.event import Event
from events.fields import vocabulary
from events.fields.field import Field
from events.fields.types import CONTAINS, EXACT, IN, ISNULL, JSON, RANGE, TEXT, TEXTS, split_list
from events.kinds import KINDS
from events.lib import paging
from events.ownership.api_key import KeyType
from tests.api.test_events import EVENTS, get
from tests.sending import AVAILITY, EMIT, MakeSender, Sender, file_all, log_event, now_ms
from tests.wire import samples

OTHER = "no such value"
MID = "abcdefghij0123456789"


Stored = tuple[str, Field, Any]  # a field's name, the field, and its value in an event


class Case(NamedTuple):
    """A filter, and True if it matches the event."""

    parameter: str
    text: str
    is_found: bool


def send(sender: Sender, kind: str, mid: str = MID) -> Event:
    """File a complete event of a kind, and return it."""
    dialect = KINDS[kind].schema.dialect
    if dialect == "availity":
        sender.post(AVAILITY, samples.complete(kind) | {"owner": sender.key.default_owner.name})
    elif dialect == "buildless":
        assert sender.post(EMIT, samples.complete(kind, ms=now_ms(), mid=mid)).status_code < 300
    else:
        sender.batch(samples.complete(kind, ms=now_ms(), mid=mid))
    file_all()
    return Event.objects.select_related("owner", "source").filter(kind=kind).latest("received_at")


def all_of(client: Client, key: str, url: str, /, **params: str) -> list[Any]:
    """Return all rows, by following `next`."""
    headers = {"Authorization": f"Bearer {key}"}
    rows: list[Any] = []
    page: Any = {"next": f"{url}?{urlencode(params)}"}
    while page["next"]:
        response = client.get(page["next"], headers=headers)
        page = response.json()
        assert response.status_code == 200, (params, page)
        rows += page["results"]
    return rows


def quoted(text: str) -> str:
    """Quote a value for a comma-separated list."""
    return '"' + text.replace('"', '""') + '"'


def cases(name: str, field: Field, stored: Any) -> Iterator[Case]:
    """Yield filters that match a field's value, and some that don't."""
    if field.type in (TEXTS, JSON):
        yield from _of_members(name, field, stored)
        return
    is_time = isinstance(stored, datetime)
    text = stored.isoformat() if is_time else str(stored).lower() if isinstance(stored, bool) else str(stored)
    yield Case(name, text, True)
    if isinstance(stored, bool):
        yield Case(name, str(not stored).lower(), False)
    operators = field.type.operators
    if IN in operators:
        yield Case(f"{name}__in", f"{quoted(text)},{quoted(text)}", True)
    if CONTAINS in operators and text:
        yield Case(f"{name}__contains", text[1:], True)
        yield Case(f"{name}__contains", text + "%", False)
    if field.type is TEXT:
        yield Case(name, OTHER, False)
        yield Case(f"{name}__in", f"{OTHER},{text[:-1]}", False)
    if "gte" in operators and not hasattr(stored, "int"):
        more = stored + (timedelta(seconds=1) if is_time else 1)
        above = more.isoformat() if is_time else str(more)
        for operator, at_it, beyond in (("gte", 1, 0), ("lte", 1, 1), ("gt", 0, 0), ("lt", 0, 1)):
            yield Case(f"{name}__{operator}", text, bool(at_it))
            yield Case(f"{name}__{operator}", above, bool(beyond))
        yield Case(name, above, False)
    if ISNULL in operators:
        yield Case(f"{name}__isnull", "false", True)
        yield Case(f"{name}__isnull", "true", False)


def _of_members(name: str, field: Field, stored: Any) -> Iterator[Case]:
    yield Case(f"{name}__isnull", "false", True)
    yield Case(f"{name}__isnull", "true", False)
    yield Case(name, OTHER, False)
    for number, (path, value) in enumerate(leaves(stored)):
        where = ".".join((name, *path))
        text = value if isinstance(value, str) else json.dumps(value)
        if not text:
            continue
        yield Case(where, text, True)
        if number >= LEAVES:
            continue
        yield Case(where, OTHER, False)
        yield Case(f"{where}__in", f"{quoted(text)},{OTHER}", True)
        if isinstance(value, str):
            part = text if field.type is TEXTS else text[1:] or text
            yield Case(f"{where}__contains", part, True)
            yield Case(f"{where}__contains", f".{text}", False)
        elif field.type is JSON and isinstance(value, int | float) and not isinstance(value, bool):
            yield Case(f"{where}__gte", text, True)
            yield Case(f"{where}__gt", f"{value + 1_000_000}", False)
            yield Case(f"{where}__lte", text, True)
        if path:
            yield Case(f"{where}__isnull", "false", True)
            yield Case(f"{where}x__isnull", "true", True)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values in a JSON value other than lists and objects, with their paths."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    elif value is not None:
        yield path, value


def stored_values(names: Iterator[tuple[str, tuple[Field, ...]]], event: Event) -> Iterator[Stored]:
    """Yield the fields in which an event has a value."""
    row = KINDS[event.kind].model._default_manager.get(pk=event.pk)
    for name, fields in names:
        for field in fields:
            if field.kind not in ("", event.kind):
                continue
            value = getattr(row if field.kind else event, field.column)
            if field.column in ("owner_id", "source_id"):
                value = getattr(event, field.name).name
            if value not in (None, [], "") and field.condition is None:
                yield name, field, value


LEAVES = 3  # values in a JSON value that are tested with all operators; others only by equality
TOGETHER = 8  # matching filters per request


def together(finding: list[Case]) -> list[dict[str, str]]:
    """Combine the filters of all cases into as few requests as possible."""
    requests: list[dict[str, str]] = []
    for case in finding:
        for request in requests:
            if case.parameter not in request and len(request) < TOGETHER:
                request[case.parameter] = case.text
                break
        else:
            requests.append({case.parameter: case.text})
    return requests


def try_filters(
    client: Client, sender: Sender, stranger: Sender, url: str, event: Event, of: list[Stored]
) -> int:
    """Check that each filter matches as its case says, and never for a stranger. Return their number."""
    tried = [case for name, field, stored in of for case in cases(name, field, stored)]
    for case in tried:
        if not case.is_found:
            found = all_of(client, sender.text, url, **{case.parameter: case.text})
            assert str(event.pk) not in [row["id"] for row in found], case
    for some in together([case for case in tried if case.is_found]):
        assert str(event.pk) in [row["id"] for row in all_of(client, sender.text, url, **some)], some
        assert all_of(client, stranger.text, url, **some) == [], some
    return len(tried)


def try_selection(client: Client, sender: Sender, url: str, event: Event, of: list[Stored]) -> None:
    """Check that a response has exactly the selected fields, with the values of the event's page."""
    detail = get(client, f"{EVENTS}{event.pk}/", sender.text).json()
    names = [name for name, _, _ in of]
    (row,) = all_of(client, sender.text, url, fields=",".join(("id", *names)), id=str(event.pk))
    assert set(row) == {"id", *names}
    for name, field, _ in of:
        assert row[name] == (detail["fields"][name] if field.kind else detail[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_of_each_kind_is_a_filter_and_a_field(
    make_sender: MakeSender, client: Client, kind: str
) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    event = send(alice, kind)
    alice.batch(log_event("another", ets=now_ms() - 60_000, object={"id": "y", "type": "z"}))
    file_all()
    url = f"/api/v1/kinds/{kind}/"
    # Fields of the envelope have their own test; here they are tested only for the log.
    of = [
        each for each in stored_values(iter(vocabulary.of_kind(kind)), event) if each[1].kind or kind == "log"
    ]
    assert try_filters(client, alice, bob, url, event, of) >= len(KINDS[kind].model.columns())
    try_selection(client, alice, url, event, of)


@pytest.mark.parametrize("kind", ["ui_action", "emitted_event", "assess"])
def test_every_column_of_the_envelope_is_a_filter_and_a_field(
    make_sender: MakeSender, client: Client, kind: str
) -> None:
    alice, bob = make_sender("A", kind=KeyType.SECRET), make_sender("B", kind=KeyType.SECRET)
    event = send(alice, kind)
    Event.objects.filter(pk=event.pk).update(
        over_quota=True, tags=["blue", "red"], dma=501, adaptations=["x"]
    )
    event.refresh_from_db()
    of = list(stored_values(iter(vocabulary.of_events()), event))
    try_filters(client, alice, bob, EVENTS, event, of)
    try_selection(client, alice, EVENTS, event, of)
    columns = {column.attname for column in KINDS[kind].model.columns()}
    assert columns <= {name for name, _, _ in of} | {"country", "data"}


def test_every_column_has_a_filter_for_each_operator_of_its_type() -> None:
    listed = set(vocabulary.of_events().parameters())
    for column in Event._meta.concrete_fields:
        assert column.name in listed
        if isinstance(column, models.TextField) and column.name not in ("kind", "dialect"):
            assert {f"{column.name}__{each}" for each in (IN, CONTAINS, ISNULL)} <= listed
    assert EXACT not in RANGE


@pytest.fixture
def stored(sender: Sender) -> Sender:
    """Events of several kinds with values to search for."""
    context = {
        "channel": "in.example",
        "env": "library",
        "pdata": {"id": "portal", "ver": "5.1.0"},
        "sid": "s1",
        "cdata": [{"type": "Batch", "id": "batch-5"}, {"type": "Cohort", "id": "c-9"}],
        "rollup": {"l1": "country", "l4": "school"},
    }
    entry = {"type": "system", "level": "WARN", "message": "m"}
    sender.batch(
        log_event(
            "a",
            context=context,
            object={"id": "do_1", "type": "Course"},
            tags=["blue", "class 5"],
            edata=entry | {"level": "INFO", "shoeSize": 42, "a.b": {"c": [1, "x"]}},
        ),
        log_event("b", edata=entry | {"shoeSize": "42", "on": True}),
        log_event("c", edata=entry | {"shoeSize": 43.5, "on": "true"}),
        samples.complete("share", ms=now_ms(), mid="share") | {"object": {"id": "do_1", "type": "Content"}},
        samples.complete("metrics", ms=now_ms(), mid="metrics"),
        samples.complete("assess", ms=now_ms(), mid="assess"),
        samples.complete("search", ms=now_ms(), mid="search"),
        samples.complete("error", ms=now_ms(), mid="error"),
    )
    build = samples.complete("emitted_event", ms=now_ms(), mid=MID)
    build["event"]["context"][0]["event"] = "BUILD_FINISHED"
    assert sender.post(EMIT, build).status_code < 300
    file_all()
    return sender


FOUND: tuple[tuple[dict[str, str], str], ...] = (
    ({"object_id": "do_1"}, "a share"),
    ({"object.id": "do_1"}, "a share"),
    ({"object_type__in": "Course,Content"}, "a share metrics assess search error"),
    ({"tags": "blue"}, "a"),
    ({"tags__in": "blue,pilot"}, "a share metrics assess search error"),
    ({"tags": "blu"}, ""),
    ({"rollup_l4": "school", "context.rollup.l1": "country", "actor": "u1"}, "a"),
    ({"correlation.id": "batch-5"}, "a"),
    ({"correlation.type": "Cohort", "actor": "u1"}, "a"),
    ({"context.cdata.id": "batch-5"}, "a"),
    ({"correlation.id__isnull": "true"}, f"b c {MID}"),
    ({"context.event": "BUILD_FINISHED"}, MID),
    ({"context.event__contains": "FINISH"}, MID),
    ({"context.sid": "s1"}, "a b c"),
    ({"tools.name": "gradle"}, MID),
    ({"tools.version.major__gte": "8"}, MID),
    ({"tools.version.major__gt": "8"}, ""),
    ({"items.obj.id": "do_113"}, "share"),
    ({"edata.items.to.type": "Device"}, "share"),
    ({"kind": "share", "items.params.transfers": "3"}, "share"),
    ({"resvalues.1": "twelve"}, "assess"),
    ({"resvalues.*": "seven"}, "assess"),
    ({"topn.score__lt": "10"}, "search"),
    ({"filters.grade.min": "3"}, "search"),
    ({"filters.medium": "English"}, "search"),
    ({"metrics.metric": "requests"}, "metrics"),
    ({"extra.edata.cacheHits": "98"}, "metrics"),
    ({"extra.edata.cacheHits__gte": "98", "extra.edata.cacheMisses__lt": "3"}, "metrics"),
    ({"extra.edata.shoeSize": "42"}, "a b"),
    ({"extra.edata.shoeSize__gte": "43"}, "c"),
    ({"extra.edata.shoeSize__lt": "43"}, "a b"),
    ({"extra.edata.shoeSize__in": "42,43.5"}, "a b c"),
    ({"extra.edata.shoeSize__isnull": "false"}, "a b c"),
    ({"extra.edata.on": "true"}, "b c"),
    ({'extra.edata."a.b".c': "x"}, "a"),
    ({"extra.edata.a.b.c": "x"}, ""),
    ({"pageid": "library"}, "error"),
    ({"pageid__isnull": "false", "kind__in": "log,error"}, "error"),
    ({"kind": "error", "errtype": "SYSTEM"}, "error"),
    ({"kind": "ERROR"}, "error"),
    ({"eid": "ERROR"}, "error"),
    ({"kind": "log", "level": "WARN"}, "b c"),
    ({"level__in": "WARN,INFO"}, "a b c"),
    ({"session": "s1", "level": "WARN"}, "b c"),
    ({"version__contains": "1.0", "environment": "library", "actor": "u1"}, "a"),
    ({"kind": "log", "dialect": "buildless"}, ""),
    ({"dialect__in": "buildless,availity"}, MID),
    ({"owner__in": "yourteam,nobody", "kind__in": "share,search"}, "share search"),
    ({"source__in": "PORTAL,none"}, "a b c"),
    ({"ordering": "received_at", "level": "INFO"}, "a"),
)


@pytest.mark.parametrize("windows", [paging.WINDOWS, (2, 1, 1)])
def test_filters_find_matching_events(
    stored: Sender, client: Client, windows: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WINDOWS", windows)
    for query, expected in FOUND:
        found = {row["client_event_id"] for row in all_of(client, stored.text, EVENTS, **query)}
        assert found == set(expected.split()), query


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("correlation.type", {"correlation.type": ["Batch", "Cohort"]}),
        (
            "extra.edata.shoeSize,level,object.id",
            {"extra.edata.shoeSize": 42, "level": "INFO", "object.id": "do_1"},
        ),
        ("items.obj.id,tags", {"items.obj.id": None, "tags": ["blue", "class 5"]}),
        ('extra.edata."a.b".c', {'extra.edata."a.b".c': [1, "x"]}),
        ("received_at__gte", None),
        ("edata.nothing", None),
        ("fields", None),
    ],
)
def test_any_field_can_be_selected(
    stored: Sender, client: Client, fields: str, expected: dict[str, Any] | None
) -> None:
    response = get(client, EVENTS, stored.text, fields=fields, client_event_id="a")
    if expected is None:
        assert response.json()["code"] == "bad_parameter"
    else:
        assert response.json()["results"] == [expected]


def test_the_wire_form_can_be_selected_in_every_list(
    stored: Sender, client: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6 + len(KINDS)):
        rows = get(client, EVENTS, stored.text, fields="client_event_id,wire,pageid").json()["results"]
    wires = {row["client_event_id"]: row["wire"] for row in rows}
    assert wires["share"]["edata"] == samples.complete("share")["edata"]
    (row,) = get(client, "/api/v1/kinds/share/", stored.text, fields="wire").json()["results"]
    assert row == {"wire": wires["share"]}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"kind": "log", "rating": "5"}, "bad_parameter"),
        ({"rating": "much"}, "bad_parameter"),
        ({"latitude__gte": "nan"}, "bad_parameter"),
        ({"billed_bytes": "1.5"}, "bad_parameter"),
        ({"billed_bytes": str(2**63)}, "bad_parameter"),
        ({"over_quota": "maybe"}, "bad_parameter"),
        ({"object_id": "a\x00"}, "bad_parameter"),
        ({"id": "x"}, "bad_parameter"),
        ({"kind__in": "log,nope"}, "bad_parameter"),
        ({"extra.a": "a\x00"}, "bad_parameter"),
        ({"extra.a__contains": "x" * 2_000}, "bad_parameter"),
        ({"kind__contains": "l"}, "unknown_parameter"),
        ({"object_id__regex": "l"}, "unknown_parameter"),
        ({"edata.shoeSize": "42"}, "unknown_parameter"),
        ({"extra..a": "42"}, "unknown_parameter"),
        ({"extra.": "42"}, "unknown_parameter"),
        ({"object_id.x": "42"}, "unknown_parameter"),
        ({"extra." + ".".join("a" * 200): "1"}, "unknown_parameter"),
        ({"extra.\x00": "1"}, "unknown_parameter"),
    ],
)
def test_an_invalid_filter_is_refused(
    sender: Sender, client: Client, query: dict[str, str], code: str
) -> None:
    response = get(client, EVENTS, sender.text, **query)
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_a_page_says_how_far_back_it_searched(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WINDOWS", (2, 3))
    base = now_ms()
    sender.batch(*(log_event(f"{n}", ets=base - n * 1_000) for n in range(8)))
    file_all()
    page = get(client, EVENTS, sender.text, object_id="none").json()
    assert (page["results"], page["searched_back_to"] is None) == ([], False)
    times = [page["searched_back_to"]]
    while page["next"]:
        page = get(client, page["next"], sender.text).json()
        times.append(page["searched_back_to"])
    assert times[-1] is None
    assert times[:-1] == sorted(times[:-1], reverse=True)
    assert get(client, EVENTS, sender.text).json()["searched_back_to"] is None
    sessions = get(client, "/api/v1/sessions/", sender.text, version="none").json()
    assert sessions == {"next": None, "previous": None, "results": [], "searched_back_to": None}


def test_times_are_compared_to_the_microsecond(sender: Sender, client: Client) -> None:
    sender.batch(log_event())
    file_all()
    at = Event.objects.get().occurred_at
    within = at + timedelta(microseconds=300)
    for operator, here, later in (("gte", 1, 0), ("gt", 0, 0), ("lte", 1, 1), ("lt", 0, 1), ("exact", 1, 0)):
        name = "occurred_at" if operator == "exact" else f"occurred_at__{operator}"
        for moment, count in ((at, here), (within, later)):
            found = all_of(client, sender.text, EVENTS, **{name: moment.isoformat()})
            assert len(found) == count, (operator, moment)


def test_sessions_and_rejected_events_can_be_filtered_by_their_columns(
    sender: Sender, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WINDOWS", (1, 1))
    sender.batch({"eid": "NOPE", "mid": "m1"}, {"eid": "NOPE", "mid": "m2"}, log_event(ets="x"))
    file_all()
    url = "/api/v1/rejected/"
    assert len(all_of(client, sender.text, url, code="unknown_kind")) == 2
    assert len(all_of(client, sender.text, url, client_event_id__in="m1,m2")) == 2
    assert len(all_of(client, sender.text, url, message__contains="NOPE", seen__gte="1", strict="false")) == 2
    assert all_of(client, sender.text, url, seen__gt="1") == []
    page = get(client, url, sender.text, client_event_id="m1").json()
    assert page["searched_back_to"] is not None


def test_lists_of_values_are_read_as_csv() -> None:
    assert split_list('a, b,"c, ""d""",,e"f') == ["a", " b", 'c, "d"', "", 'e"f']
    assert split_list("") == [""]
    assert split_list('"a,b"') == ["a,b"]
    for text in ('"a', '"a"b', 'a,"'):
        with pytest.raises(ValueError, match="Close the quotes"):
            split_list(text)
