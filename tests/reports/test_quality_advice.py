"""Warnings on the data-quality page: the problem, an example, and what to change in the sender."""

import re
from pathlib import Path

import pytest
from django.test import Client

from events.kinds import KINDS
from events.sessions.session import Session
from reports.pages.health.quality_sections import MEANINGS, advice, fault_of
from tests.sending import Sender, file_all, log_event
from tests.sessions.stored import summarise_due

ERRORS = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"


def test_every_code_of_the_reference_has_a_meaning_and_advice() -> None:
    section = ERRORS.read_text().split("## Quality warnings")[1]
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))

    assert set(MEANINGS) == listed
    assert all(fault_of(code) != code and advice("", "", code) for code in listed)


@pytest.mark.parametrize("kind", KINDS)
def test_every_checked_field_says_what_to_send(kind: str) -> None:
    entry = KINDS[kind]
    checked = [leaf.dotted for leaf in entry.schema.leaves if leaf.check]

    for path in (*checked, *entry.model.expected):
        said = advice(kind, path, "out_of_range")
        assert said != advice(kind, "no.such.field", "out_of_range")
        assert said.startswith("Send ")


@pytest.mark.django_db
def test_the_page_shows_field_example_and_what_to_change(sender: Sender, admin_client: Client) -> None:
    event = log_event(eid="ASSESS", edata={"item": {"id": "q"}, "pass": "Yes", "score": 70, "resvalues": []})
    event["edata"]["duration"] = 3
    sender.batch(event, log_event("2", actor={"id": "u2", "type": "User"}))
    file_all()
    summarise_due()

    page = admin_client.get("/reports/quality/", {"period": "7d", "zone": "UTC"}).content.decode()

    text = re.sub(r"<[^>]+>|\s+", " ", page)
    for said in (
        "edata.score",
        "70",
        "Send a number from 0 to 1.",
        "changes within a session",
        "Start a new session when somebody else logs in",
    ):
        assert said in text, said
    assert str(Session.objects.get().pk) in page
