"""document_formats: generate tables of the reference from the code."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.documentation.formats import PAGES


class Command(BaseCommand):
    """Document the formats."""

    help = "Generates the tables of formats and errors in docs/reference from the code."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing, and fail if a page is out of date."
        )

    def handle(self, *_: object, check: bool, **__: object) -> None:
        for page, renewed in PAGES.items():
            old = page.read_text()
            new = renewed(old)
            if not check:
                page.write_text(new)
            elif new != old:
                raise CommandError(
                    f"docs/reference/{page.name} is out of date: run manage.py document_formats"
                )
