"""verify_charges: prove that charges equal what the event tables would cost."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reports.cost.charging import verification


class Command(BaseCommand):
    """Charge what is due, then compare."""

    help = (
        "Brings charges up to date, then compares them with a recount of the events, with charges computed"
        " from scratch, and with their daily sums. Exits with 1 if they differ."
    )

    def handle(self, *_: object, **__: object) -> None:
        verified = verification.verify(timezone.now())
        for found in verified.found:
            self.stdout.write(found.what)
            for row in found.rows:
                self.stdout.write("  " + ", ".join(str(value) for value in row))
        if verified.found:
            raise CommandError(f"{len(verified.found)} comparisons of charges found differences.")
        self.stdout.write(f"Charges agree: {verified.months} months, {verified.cost.normalize():f} in all.")
