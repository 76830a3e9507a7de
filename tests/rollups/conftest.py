"""Folding in tests doesn't defer quarters, however slow the machine is."""

from datetime import timedelta

import pytest

from reports.rollups import folding


@pytest.fixture(autouse=True)
def quarters_are_not_deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "SHORT", timedelta(hours=1))
