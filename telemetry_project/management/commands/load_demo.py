"""load_demo: load the demo's events if `prepare` recorded that they are missing."""

import time

from django.core.management import call_command
from django.core.management.base import BaseCommand

from telemetry_project.demo import first_start

_SECONDS = 2.5  # between two lines


class Command(BaseCommand):
    """Load the demo, or resume an interrupted load."""

    help = "Loads the demo's events, newest days first, then its prices and digests. `make run` runs it."

    def handle(self, *_: object, **__: object) -> None:
        backfill = first_start.unfinished()
        if backfill is None:
            return
        said = 0.0

        def tell(text: str) -> None:
            nonlocal said
            if time.monotonic() - said >= _SECONDS:
                said = time.monotonic()
                self.stdout.write(text)

        first_start.load(backfill, tell)
        # By name, because reports are layered above ingestion.
        self.stdout.write("Charging what the demo used")
        call_command("seed_prices", "--if-demo", stdout=self.stdout)
        call_command("subscribe_demo", "--if-demo", stdout=self.stdout)
        first_start.finish(backfill)
        self.stdout.write("The demo is complete.")
