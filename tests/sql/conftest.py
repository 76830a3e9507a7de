"""Creates the views of the schema `telemetry` once."""

import pytest

from events.sql.install import install


@pytest.fixture(scope="session")
def _views(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> None:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django's
        assert install() == []


@pytest.fixture(autouse=True)
def _with_views(_views: None, request: pytest.FixtureRequest) -> None:
    """Create the views before the tests of this folder."""
