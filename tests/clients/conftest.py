"""The server, a recording proxy before it, and the clients."""

from collections.abc import Iterator

import pytest

from events.ownership import provisioning
from tests.clients.npm import Clients
from tests.clients.recorder import Recorder, recording
from tests.serving import Server


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """The installed npm clients."""
    return Clients(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="session")
def server(production: Server) -> str:
    """The URL of the production server on the tests' database."""
    return production.url


@pytest.fixture
def recorder(server: str, transactional_db: None) -> Iterator[Recorder]:
    """A recorder in front of the server, for one test."""
    with recording(server) as recorder:
        yield recorder


@pytest.fixture
def key(transactional_db: None) -> str:
    """A publishable key that files under Claims and may write for any owner."""
    return provisioning.key(organization_slug="acme", owner_name="Claims", owners="all").text


@pytest.fixture
def environment(recorder: Recorder, key: str) -> dict[str, str]:
    """The environment of a script: where to send, and with which key."""
    return {"TALLY_URL": recorder.url, "TALLY_KEY": key}
