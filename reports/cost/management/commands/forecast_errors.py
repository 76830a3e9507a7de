"""forecast_errors: how far forecasts of past months would have been off, by number of days over."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from events.management.lookups import organization_of
from reports.cost.analysis import forecasts
from reports.cost.analysis.totals import months
from reports.periods import DAY, month_of, next_month


class Command(BaseCommand):
    """Measure forecasts by months that are over."""

    help = "Prints the mean absolute percentage error (MAPE) of past months' forecasts, by day of the month."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", dest="slug", default="demo", help="Slug of the organization.")

    def handle(self, *_: object, slug: str, **__: object) -> None:
        organization = organization_of(slug)
        owners = list(organization.owners.values_list("pk", flat=True))
        this = month_of(timezone.now().date())
        over = [month for month in months(owners) if month < this]
        days = forecasts.daily_costs(min(over, default=this) - 31 * DAY, this, owners)
        found = forecasts.mean_errors(days, [month for month in over if next_month(month) <= this])
        if not found:
            raise CommandError("No past month has at least seven days of charges before its last one.")
        self.stdout.write(f"Forecasts of {len(over)} months of {organization}, error of the usage's cost:")
        for number, error in found.items():
            self.stdout.write(f"after {number:2} days: {error:6.1%}")
