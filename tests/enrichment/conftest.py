"""A City database for tests, whose cache is cleared afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.enrichment import place
from tests.enrichment import city


@pytest.fixture
def database(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The small City database, in use and checked for changes on every request."""
    path = city.write(tmp_path / "city.mmdb")
    settings.GEOIP_DATABASE = str(path)
    monkeypatch.setattr(place, "LOOK_SECONDS", 0.0)
    place.reset()
    yield path
    place.reset()
