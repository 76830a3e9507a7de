"""The page about rollups matches their declarations."""

from django.core.management import call_command

from reports.rollups.documenting import PAGE
from reports.rollups.rollup import rollups


def test_the_page_is_up_to_date() -> None:
    call_command("document_rollups", "--check")


def test_the_page_has_every_rollup() -> None:
    page = PAGE.read_text()

    assert [rollup for rollup in rollups() if f"#### {rollup._meta.model_name}\n" not in page] == []
