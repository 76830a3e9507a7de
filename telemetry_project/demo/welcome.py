"""Welcome: the text for somebody who has just started Tally."""

import json
from collections.abc import Mapping

from django.conf import settings
from django.contrib.auth import get_user_model

from ingestion.dialects import availity
from telemetry_project.demo import home
from telemetry_project.demo.home import USERS

# The published example of Availity's document, sent by the demo key's owner.
EXAMPLE: dict[str, object] = {
    "customerId": "1194",
    "contact": "myteamdistributionlist@availity.com",
    "owner": home.KEY_DELIVERY,
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


def text(told: Mapping[str, str] = {}) -> str:
    """Return the whole text. `told` has random passwords by user, which are shown only once."""
    parts = [f"Tally is running. Log in at {settings.BASE_URL}/admin/", _people(told)]
    if told:
        parts.append(
            "These passwords are random, because others can reach this machine. They are shown only once.\n"
            "Set another one with: .venv/bin/python manage.py changepassword operator"
        )
    key = home.key_text()
    parts.append(_sending(key) if key else _own_key())
    return "\n\n".join(["", *parts, ""])


def curl(key: str) -> str:
    """Return a command line that posts the published example."""
    return (
        f"curl -i -X POST -H 'Content-Type: application/json' -H 'X-API-Key: {key}'"
        f" -d '{json.dumps(EXAMPLE)}' {settings.BASE_URL}/{availity.PATHS[0]}"
    )


def _people(told: Mapping[str, str]) -> str:
    lines = [f"  {'user':10}{'password':18}what it sees"]
    for user in USERS:
        account = get_user_model().objects.filter(username=user.name, is_active=True).first()
        if account is None:
            continue
        password = told.get(user.name) or (
            user.password if account.check_password(user.password) else "(changed)"
        )
        lines.append(f"  {user.name:10}{password:18}{user.may}")
    if len(lines) == 1:
        return (
            "Create a user who sees and changes everything:\n\n  .venv/bin/python manage.py createsuperuser"
        )
    return "\n".join(lines)


def _sending(key: str) -> str:
    return (
        f"Send an event. Two seconds later, lead and operator see it in the list of events, under"
        f" {home.KEY_DELIVERY}:\n\n"
        f"  {curl(key)}"
    )


def _own_key() -> str:
    return (
        "Create a key for applications to send events with:\n\n"
        "  .venv/bin/python manage.py create_key --owner NAME"
    )
