"""The commands of docs/how-to/manage-by-api.md work in the order given."""

import re
import shlex
from pathlib import Path
from string import Template
from typing import Any

from django.test import Client

from events.accounts.audit import AuditEntry
from events.ownership.api_key import KeyType, Permission
from events.ownership.owner import Membership, Role
from tests.factories import person
from tests.sending import MakeSender, file_all, log_event

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "manage-by-api.md"
BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
# Variables that the page uses, by the list whose last object they name.
NAMED = {
    "owners": "OWNER",
    "keys": "KEY",
    "invitations": "INVITATION",
    "members": "MEMBER",
    "webhooks": "WEBHOOK",
}


def run(client: Client, command: str, known: dict[str, str]) -> Any:
    """Do what a command with curl does, and return the response."""
    method, address, body, headers = "GET", "", "", {}
    words = iter(shlex.split(Template(command.replace("\\\n", " ")).substitute(known)))
    assert next(words) == "curl"
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        else:
            address = word
    kind = headers.pop("Content-Type", "application/octet-stream")
    return client.generic(method, address, body, content_type=kind, headers=headers)


def test_its_commands_work_in_the_order_given(make_sender: MakeSender, client: Client) -> None:
    lena = person("lena")
    made = make_sender(
        "Claims", kind=KeyType.SECRET, permissions=(Permission.WRITE, Permission.MANAGE), created_by=lena.pk
    )
    owner = made.key.default_owner
    Membership.objects.create(user=lena, owner=owner, role=Role.LEAD)
    person("mia", owner)
    made.batch(log_event())
    file_all()
    known = {"TALLY": "/api/v1", "MANAGE": made.text}
    commands = [block for block in BLOCKS.findall(PAGE.read_text()) if block.startswith("curl")]
    assert len(commands) == 16

    for command in commands:
        response = run(client, command, known)
        assert response.status_code in (200, 201, 204), (command, response.content)
        name = response.wsgi_request.path.split("/")[3]
        if response.content and name in NAMED:
            answer = response.json()
            for row in answer.get("results", [answer])[:1]:
                known[NAMED[name]] = str(row["id"])

    assert AuditEntry.objects.filter(actor_name=str(made.key)).count() == 12
