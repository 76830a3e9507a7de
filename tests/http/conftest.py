"""The production server for all of these tests, and a key of its own for each."""

from collections.abc import Iterator

import pytest

from events.ownership import provisioning
from tests.http.wire import Site
from tests.serving import Server, serving


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The production server on the tests' database."""
    with serving(tmp_path_factory.mktemp("server") / "log") as served:
        yield served


@pytest.fixture
def site(server: Server, transactional_db: None) -> Site:
    """The server and a new key, and nothing else in the tables."""
    made = provisioning.key(organization_slug="acme", owner_name="Claims", owners="all")
    return Site(server.port, server.pid, made.text)
