"""Exported lines: the fast path and `as_wire` give the same JSON, for every kind and for odd values."""

import json
from typing import Any

import pytest
from django.db import models

from events.event import Event
from events.exports.lines import json_lines, quick_wire, slow_wires
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
