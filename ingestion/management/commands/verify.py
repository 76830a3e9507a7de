"""verify: check that events, rejected events, counters and sessions agree."""

import sys

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ingestion import verification


class Command(BaseCommand):
    """Compare tables and counters in one snapshot."""

    help = (
        "Checks that envelope rows, kind rows, usage, rejected events and sessions agree. Exits with 1 if"
        " they don't."
    )

    def handle(self, *_: object, **__: object) -> None:
        found = []
        with verification.snapshot():
            verification.freeze()
            checks = tqdm(
                verification.differences(), total=len(verification.CHECKS), file=sys.stderr, disable=None
            )
            found = [difference for difference in checks if difference]
            totals = verification.totals()
        for difference in found:
            self.stdout.write(f"{difference.name}: {difference.found}")
            for row in difference.rows:
                self.stdout.write("  " + ", ".join(str(value) for value in row))
        if found:
            raise CommandError(f"{len(found)} of {len(verification.CHECKS)} checks found differences.")
        self.stdout.write(
            f"All agrees: {totals.events} events, {totals.rejected} rejected, {totals.waiting} waiting."
        )
        if totals.unsummarised:
            self.stdout.write(f"Not compared: {totals.unsummarised} sessions or devices that are pending.")
