"""The production server, and a new key for each test."""

import pytest

from events.ownership import provisioning
from tests.http.wire import Site
from tests.serving import Server


@pytest.fixture
def site(production: Server, transactional_db: None) -> Site:
    """The server and a new key, with otherwise empty tables."""
    made = provisioning.key(organization_slug="acme", owner_name="Claims", owners="all")
    return Site(production.port, production.pid, made.text)
