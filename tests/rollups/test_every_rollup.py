"""Every rollup gets rows, and any valid value can be folded."""

import logging
from typing import Any

import pytest

from reports.rollups.rollup import rollups
from tests.rollups.recomputed import dump, fold_due, rebuild
from tests.sending import AVAILITY, EMIT, SUNBIRD, Sender, file_all, now_ms
from tests.sessions.stored import summarise_due
from tests.wire import samples


def send_all(sender: Sender, make: Any) -> None:
    events = [make(kind, ms=now_ms(), mid=f"{make.__name__} {kind}") for kind in samples.SUNBIRD]
    sender.post(SUNBIRD, {"id": "x", "ver": "3.0", "ets": now_ms(), "events": events})
    page = make("ui_action")
    page["telemetryBody"]["entries"] |= {"event": "page", "action": "load"}
    for path, event in (
        (AVAILITY, make("ui_action")),
        (AVAILITY, page),
        (EMIT, make("emitted_event", ms=now_ms())),
    ):
        assert sender.post(path, event).status_code < 300
    file_all()
    summarise_due()


def test_each_rollup_has_rows_that_equal_a_rebuild(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    send_all(sender, samples.minimal)
    fold_due()
    send_all(sender, samples.complete)
    fold_due()

    rows = dump()
    assert [name for name, found in rows.items() if not found] == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    rebuild()
    assert dump() == rows
    for rollup in rollups():
        rollup._default_manager.all().delete()
    rebuild()
    assert dump() == rows
