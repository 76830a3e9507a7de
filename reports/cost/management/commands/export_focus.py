"""export_focus: the charges of a month as FOCUS 1.2, in CSV."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.accounts import audit
from events.management.asked import organization_of
from reports.cost import focus
from reports.cost.months import month_of_text


class Command(BaseCommand):
    """Write charges for a FinOps tool."""

    help = "Writes the charges that a month bills as CSV by the FinOps specification FOCUS 1.2."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", required=True, help="As in 2026-09.")
        parser.add_argument("--organization", help="Slug of one organization; without it, all.")
        parser.add_argument("--output", help="A file; without it, standard output.")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            month = month_of_text(options["month"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        slug = options["organization"]
        organization_id = organization_of(slug).pk if slug else None
        audit.record(audit.command("export_focus"), "export.made", f"charges of {month:%Y-%m}")
        lines = focus.rows(focus.charges_of(month, organization_id=organization_id))
        if options["output"]:
            with Path(options["output"]).open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        else:
            sys.stdout.writelines(lines)
