"""seed_prices: create a plan with realistic prices, and budgets, if there are none."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from events.ownership.owner import Organization
from reports.cost.charging.updating import update_charges
from telemetry_project.demo import prices


class Command(BaseCommand):
    """Make prices to try."""

    help = "Gives an organization the demo's price plan and budgets if it has none, and charges its usage."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", dest="slug", default="demo", help="Slug of the organization.")
        parser.add_argument(
            "--if-demo", action="store_true", help="Do nothing if there is no demo (TALLY_DEMO)."
        )

    def handle(self, *_: object, slug: str, if_demo: bool, **__: object) -> None:
        organization = Organization.objects.filter(slug=slug).first()
        if if_demo and not (settings.DEMO and organization):
            return
        if organization is None:
            raise CommandError(f"There is no organization {slug}.")
        now = timezone.now()
        if prices.apply(organization):
            update_charges(organization.pk, now)
            self.stdout.write(f"{organization} now has the price plan {prices.NAME}.")
        else:
            self.stdout.write(f"{organization} already has a price plan, so nothing was changed.")
        if prices.plan_ahead(organization, now):
            self.stdout.write(f"Its owners have budgets, and the plan {prices.NEXT} applies from next year.")
