"""document_rollups: generate the tables of docs/reference/rollups.md from the declarations."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.rollups.documenting import PAGE, renewed


class Command(BaseCommand):
    """Document the rollups."""

    help = "Generates the tables of docs/reference/rollups.md from the declared rollups."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing, and fail if a page is out of date."
        )

    def handle(self, *_: object, check: bool, **__: object) -> None:
        old = PAGE.read_text()
        new = renewed(old)
        if not check:
            PAGE.write_text(new)
        elif new != old:
            raise CommandError("docs/reference/rollups.md is out of date: run manage.py document_rollups")
