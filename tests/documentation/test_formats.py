"""The page about formats matches the declarations of kinds."""

from django.core.management import call_command

from events.kinds import KINDS
from ingestion.documentation.formats import PAGE


def test_the_page_is_up_to_date() -> None:
    call_command("document_formats", "--check")


def test_the_page_has_every_field_of_every_kind() -> None:
    page = PAGE.read_text()

    for entry in KINDS.values():
        assert f"#### {entry.name}\n" in page
        for leaf in entry.schema.leaves:
            assert f"| `{leaf.dotted}` |" in page
