"""Welcome: what somebody who has just started Tally reads."""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from ingestion.demo import home
from ingestion.demo.home import USERS, DemoUser
from ingestion.dialects import availity

# The published example of Availity's document.
EXAMPLE: dict[str, Any] = {
    "customerId": "1194",
    "contact": "myteamdistributionlist@availity.com",
    "owner": "YourTeam",
    "source_system": "eligibility_and_benefits",
    "version": "1",
    "payerId": "A123",
    "sessionId": "123-456-789",
    "telemetryBody": {
        "level": "info",
        "entries": {
            "event": "submit",
            "action": "click",
            "label": "Submit",
            "category": "form",
            "elementId": "abc123",
            "userId": "aka123",
        },
    },
}
_HERE = {"", "localhost", "127.0.0.1", "::1"}


def text(host: str) -> str:
    """All of it; `host` is the address that the web server listens on."""
    users = [user for user in USERS if _works(user)]
    parts = [f"Tally is running. Log in at {settings.BASE_URL}/admin/", _people(users)]
    if users and host not in _HERE:
        parts.append(
            f"These passwords are public and others may reach {host}: change them, or delete the users."
        )
    key = home.key_text()
    parts.append(_sending(key) if key else _own_key())
    return "\n\n".join(["", *parts, ""])


def curl(key: str) -> str:
    """A command line that posts the published example."""
    return (
        f"curl -i -X POST -H 'Content-Type: application/json' -H 'X-API-Key: {key}'"
        f" -d '{json.dumps(EXAMPLE)}' {settings.BASE_URL}/{availity.PATHS[0]}"
    )


def _works(user: DemoUser) -> bool:
    """Whether somebody can log in as this user with the password of the demo."""
    account = get_user_model().objects.filter(username=user.name, is_active=True).first()
    return account is not None and account.check_password(user.password)


def _people(users: list[DemoUser]) -> str:
    if not users:
        return "Make a user who sees and changes everything:\n\n  .venv/bin/python manage.py createsuperuser"
    lines = [f"  {user.name:10}{user.password:16}{user.may}" for user in users]
    return "\n".join([f"  {'user':10}{'password':16}what it sees", *lines])


def _sending(key: str) -> str:
    return (
        "Send an event; two seconds later it is in operator's list of events, under owner YourTeam:\n\n"
        f"  {curl(key)}"
    )


def _own_key() -> str:
    return (
        "Make a key that applications send events with:\n\n"
        "  .venv/bin/python manage.py create_key --owner NAME"
    )
