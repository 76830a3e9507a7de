"""Exported lines: the fast path and `as_wire` give the same JSON, for every kind and for odd values."""

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import polars
import pytest
from django.db import models
from django.utils import timezone

from events.event import Event
from events.exports import parquet_file
from events.exports.lines import json_lines, quick_wire, slow_wires
from events.exports.parquet_file import Column
from events.kinds import KINDS
from events.lib.paging import EventQuery
from events.store import plain_rows
from events.store.details import as_wire
from events.store.plain_rows import PlainReader
from tests.sending import AVAILITY, EMIT, Sender, file_all, message, now_ms
from tests.wire import samples
from tests.wire.rows import exact

pytestmark = pytest.mark.django_db


def send_all_kinds(sender: Sender) -> None:
    """Send every kind, complete, minimal, and with each odd value in a column and in an unknown key."""
    for kind in samples.SUNBIRD:
        events = [make(kind, ms=now_ms(), mid=str(make)) for make in (samples.complete, samples.minimal)]
        for number, odd in enumerate((*samples.ODD, "\ud800", "a\x00b")):
            event = samples.complete(kind, ms=now_ms() - number, mid=f"odd {number}")
            event["edata"][sorted(event["edata"])[number % len(event["edata"])]] = odd
            event["edata"]["unknown"] = {"odd": [odd]}
            events.append(event)
        sender.batch(*events)
    for make in (samples.complete, samples.minimal):
        for path, kind in ((AVAILITY, "ui_action"), (EMIT, "emitted_event")):
            assert sender.post(path, make(kind, ms=now_ms())).status_code in (200, 201)
    sender.post(AVAILITY, message(label="\ud800"))
    file_all()


def a_number_that_json_lacks() -> None:
    """Store NaN in a column, as clients may send it."""
    for entry in KINDS.values():
        for column in entry.model.columns():
            if isinstance(column, models.FloatField):
                rows = entry.model._default_manager.all()
                if row := rows.first():
                    rows.filter(pk=row.pk).update(**{column.attname: float("nan")})
                    return
    raise AssertionError("no kind has a number")


def same(wire: Any) -> str:
    """Return a text that is equal if and only if the JSON values are, including NaN."""
    return json.dumps(exact(wire), sort_keys=True, default=lambda number: number.as_integer_ratio())


def test_the_fast_path_writes_the_same_json(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    send_all_kinds(sender)
    a_number_that_json_lacks()
    events: dict[str, Any] = {str(event.pk): event for event in Event.objects.order_by("-pk")}
    assert {event.kind for event in events.values()} == set(KINDS)
    monkeypatch.setattr(plain_rows, "BYTES", 20_000)  # many blocks
    newest, quick = EventQuery(Event.objects.all()), set()
    for page in PlainReader().pages(newest):
        for event, detail in page:
            if quick_wire(event, detail) is not None:
                quick.add(event.id)
    assert len(events) > len(quick) > len(events) / 2

    lines = list(json_lines(PlainReader().pages(newest)))

    assert [json.loads(line)["id"] for line in lines] == list(events), "in order, none missing"
    slow = slow_wires(list(events))
    for line, (each, event) in zip(lines, events.items(), strict=True):
        wire = json.loads(line)["wire"]
        assert b"\n" not in line[:-1]
        assert same(wire) == same(json.loads(slow[each])), event
        assert same(wire) == same(as_wire(event)), event


def test_parquet_has_typed_columns_and_the_wire_form(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    send_all_kinds(sender)
    monkeypatch.setattr(plain_rows, "BYTES", 200_000)  # of several batches
    lines = [json.loads(line) for line in json_lines(PlainReader().pages(EventQuery(Event.objects.all())))]

    table = read_parquet(EventQuery(Event.objects.all()), Event)

    assert table["id"].to_list() == [line["id"] for line in lines]
    assert list(map(json.loads, table["wire"])) == [line["wire"] for line in lines]
    assert {name: str(kind) for name, kind in table.schema.items() if name in TYPED} == TYPED
    for row, event in zip(table.to_dicts(), Event.objects.select_related("owner", "source"), strict=True):
        extra, correlation = (
            None if (text := row[name]) is None else json.loads(text) for name in ("extra", "correlation")
        )
        assert (extra, correlation) == (event.extra, event.correlation)
        for name in ("occurred_at", "received_at", "tags", "billed_bytes", "latitude", "is_bot", "actor"):
            assert row[name] == getattr(event, name), name
        assert (row["owner"], row["source"]) == (event.owner.name, event.source.name)
    for kind, entry in KINDS.items():
        rows: Any = entry.model._default_manager.order_by("-pk")
        own = read_parquet(EventQuery(rows), entry.model)
        assert own.height == rows.count()
        for column in entry.model.columns():
            stored = [getattr(row, column.attname) for row in rows]
            found = own[f"{kind}.{column.attname}"].to_list()
            if isinstance(column, models.JSONField):
                found = [None if value is None else json.loads(value) for value in found]
            assert found == stored, column


TYPED = {
    "id": "String",
    "occurred_at": "Datetime(time_unit='us', time_zone='UTC')",
    "tags": "List(String)",
    "billed_bytes": "Int64",
    "latitude": "Float64",
    "is_bot": "Boolean",
    "correlation": "String",
    "wire": "String",
}


def read_parquet(query: EventQuery, model: Any) -> polars.DataFrame:
    """The events of a query, exported as Parquet and read by another library than the one that wrote them."""
    file = BytesIO()
    parquet_file.write_events(PlainReader().pages(query), model, file, None)
    return polars.read_parquet(file.getvalue())


def test_parquet_without_its_library_says_what_to_install(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_file, "is_available", lambda: False)
    with pytest.raises(parquet_file.UnavailableError, match="make lake"):
        read_parquet(EventQuery(Event.objects.all()), Event)


def test_exact_numbers_and_mixed_columns_have_types() -> None:
    columns = [Column("cost", "decimal"), Column("at", "time"), Column("text", "text"), Column("day", "day")]
    now = timezone.now()
    rows: list[list[Any]] = [
        [Decimal("0.1234567890123456789"), now, Decimal("1E+3"), now.date()],
        [None, None, {"a": 1}, None],
        ["12.5", now, 7, now.date()],
    ]
    file = BytesIO()
    parquet_file.write_rows(columns, [rows[:2], [], rows[2:]], file, None)
    assert polars.read_parquet(file.getvalue()).rows() == [
        (Decimal("0.123456789012345679"), now, "1000", now.date()),
        (None, None, '{"a": 1}', None),
        (Decimal("12.500000000000000000"), now, "7", now.date()),
    ]
    assert [
        parquet_file.type_of_values(values) for values in ([1, None], [1, 2.5], [1, "x"], [None], [True])
    ] == [
        "integer",
        "double",
        "text",
        "text",
        "flag",
    ]
