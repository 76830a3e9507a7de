"""export_focus: the charges of a month as FOCUS 1.2, in CSV or XLSX."""

import sys
from contextlib import nullcontext
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.accounts import audit
from events.management.lookups import organization_of
from events.spreadsheets.files import FORMATS
from reports.cost import focus
from reports.cost.charges import parse_month


class Command(BaseCommand):
    """Write charges for a FinOps tool."""

    help = "Exports a month's charges in the format of the FinOps specification FOCUS 1.2, as CSV or XLSX."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", required=True, help="Month, such as 2026-09.")
        parser.add_argument("--organization", dest="slug", help="Slug of an organization. Default: all.")
        parser.add_argument(
            "--output", help="File to write to, ending in .csv or .xlsx. Default: CSV on standard output."
        )

    def handle(self, *_: object, month: str, slug: str | None, output: str | None, **__: object) -> None:
        try:
            first_day = parse_month(month)
        except ValueError as error:
            raise CommandError(str(error)) from error
        organization_id = organization_of(slug).pk if slug else None
        path = Path(output) if output else None
        form = path.suffix.lower().removeprefix(".") if path else "csv"
        if form not in FORMATS:
            raise CommandError(f"--output must end in .csv or .xlsx, not {output}.")
        about = f"charges of {first_day:%Y-%m} as {FORMATS[form].title}"
        audit.record(audit.command("export_focus"), "export.made", about)
        sheet = focus.sheet(focus.charges_of(first_day, organization_id=organization_id), first_day, form)
        with path.open("wb") if path else nullcontext(sys.stdout.buffer) as file:
            FORMATS[form].write(sheet, file, None)
