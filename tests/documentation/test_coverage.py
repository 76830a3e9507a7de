"""Every field of the published formats is available by the API, in the admin, with SQL and in exports."""

import os
from pathlib import Path

from django.test import Client

from events.kinds import KINDS
from events.ownership.api_key import KeyType
from events.ownership.owner import Role
from events.sql.install import install
from tests.documentation.coverage import coverage_of, page, send
from tests.factories import person
from tests.sending import MakeSender

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "coverage.md"


def test_every_field_is_found_everywhere(make_sender: MakeSender) -> None:
    assert install() == []
    sender = make_sender("Claims", kind=KeyType.SECRET)
    lead = Client()
    lead.force_login(person("lena", sender.key.default_owner, role=Role.LEAD))
    sent = {kind: send(sender, kind) for kind in KINDS}
    made = page({kind: coverage_of(kind, *each, sender, lead) for kind, each in sent.items()})
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "make docs-coverage"
