"""charge: bring the charges of all organizations up to date."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from events.ownership.owner import Organization
from reports.cost.charging.updating import update_charges


class Command(BaseCommand):
    """Charge what changed since it was charged last."""

    help = "Charges usage that has changed, and corrects closed months. Beat does the same every few minutes."

    def handle(self, *_: object, **__: object) -> None:
        for organization in Organization.objects.order_by("name"):
            kept = update_charges(organization.pk, timezone.now())
            if kept:
                self.stdout.write(
                    f"{organization}: {kept.owners} owners charged again in {kept.months} months,"
                    f" {kept.corrections} rows of corrections."
                )
