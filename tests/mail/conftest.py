"""A mail server, and recipients."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from events.access import leads_of
from events.ownership.owner import Owner, Role
from reports.mail.addresses import Address
from reports.mail.kinds import KINDS
from reports.mail.models import SentMail
from tests.admin.conftest import alice, bob, charlie, lead, operator, team_a, team_b
from tests.factories import person
from tests.mail.server import Box, serving
from tests.sending import Sender
from tests.serving import free_port

__all__ = ["alice", "bob", "charlie", "lead", "operator", "team_a", "team_b"]


@pytest.fixture
def to_server(settings: Any) -> Box:
    """Settings for a mail server that isn't running yet."""
    box = Box(port=free_port())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
    settings.EMAIL_TIMEOUT = 1.0
    settings.MAIL_PAUSE_SECONDS = 0.0
    settings.BASE_URL = "https://tally.example"
    settings.MAIL_FROM = "Tally <tally@tally.example>"
    return box


@pytest.fixture
def box(to_server: Box) -> Iterator[Box]:
    """The running mail server."""
    with serving(to_server):
        yield to_server


@pytest.fixture
def owner(team_a: Sender) -> Owner:
    """Team A."""
    return team_a.key.default_owner


def contact_of(owner: Owner, address: str = "team@example.org", *, clicked: bool = True) -> Address:
    """Create an owner's contact, vouched for by a current lead."""
    now = timezone.now()
    by = leads_of([owner]).first() or person(f"lead of {owner.pk}", owner, role=Role.LEAD)
    return Address.objects.create(
        owner=owner, address=address, confirmed_by=by, confirmed_at=now, clicked_at=now if clicked else None
    )


def with_address(user: User, address: str = "") -> User:
    user.email = address or f"{user.username}@example.org"
    user.save()
    return user


def link_of(mail: SentMail) -> str:
    """Return the path of the link that the next attempt to send a mail would contain. It isn't stored."""
    compose = KINDS[mail.kind].compose
    assert compose
    found = re.search(r"https?://[^/\s]+(/\S+)", compose(mail).text)
    assert found
    return found[1]
