"""document_formats: make the tables of docs/reference/formats.md from the kinds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.documenting import PAGE, renewed


class Command(BaseCommand):
    """Document the formats."""

    help = "Writes the tables of docs/reference/formats.md from what the kinds declare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; fail where it is not up to date."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        page = PAGE.read_text()
        new = renewed(page)
        if options["check"]:
            if new != page:
                raise CommandError("docs/reference/formats.md is not up to date: manage.py document_formats")
            return
        PAGE.write_text(new)
