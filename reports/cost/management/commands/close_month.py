"""close_month: show what closing a month fixes, and with --yes close it."""

from datetime import date, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from events.accounts import audit
from events.ownership.owner import Organization
from reports.cost.charges import parse_month
from reports.cost.charging import closing
from reports.cost.charging.updating import update_charges


class Command(BaseCommand):
    """Close a month of an organization."""

    help = (
        "Shows what a month cost each owner. With --yes, closes the month, so its charges never change again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", dest="slug", required=True, help="Slug of the organization.")
        parser.add_argument("--month", required=True, help="Month, such as 2026-09.")
        parser.add_argument("--yes", action="store_true", help="Close the month instead of only showing it.")

    def handle(self, *_: object, slug: str, month: str, yes: bool, **__: object) -> None:
        organization = Organization.objects.filter(slug=slug).first()
        if organization is None:
            raise CommandError(f"There is no organization {slug}.")
        try:
            first_day = parse_month(month)
            now = timezone.now()
            update_charges(organization.pk, now)
            self._say(closing.preview(organization, first_day, now))
            if yes:
                self._close(organization, first_day, now)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def _say(self, shown: closing.Preview) -> None:
        for part in shown.owners:
            more = f", of which {part.corrections:.2f} corrections" if part.corrections else ""
            self.stdout.write(f"{part.owner}: {part.cost:.2f} {shown.currency}{more}")
        self.stdout.write(f"In all {shown.total:.2f} {shown.currency} in {shown.rows:,} charges.")
        if shown.obstacle:
            self.stdout.write(f"It can't be closed: {shown.obstacle}")

    def _close(self, organization: Organization, month: date, now: datetime) -> None:
        closing.close(organization, month, audit.command("close_month"), now)
        self.stdout.write(f"{month:%B %Y} of {organization} is closed.")
