"""verify_rollups: verify that rollups match their events and sessions."""

import sys
from collections import defaultdict
from datetime import date

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from reports.rollups import verification
from reports.rollups.management import arguments
from reports.rollups.rebuilding import is_sealed
from reports.rollups.rollup import Grain
from reports.rollups.verification import SHOWN, Difference


class Command(BaseCommand):
    """Compare rollups with what they are made of."""

    help = (
        "Computes the rollups of reports again and compares them with the stored ones, without changing"
        " anything. Exits with 1 if they differ; rebuild_rollups then repairs them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_arguments(parser)

    def handle(
        self, *_: object, owner: str | None, since: date | None, until: date | None, **__: object
    ) -> None:
        found: dict[tuple[str, Grain], list[Difference]] = defaultdict(list)
        steps, waiting = arguments.steps(owner, since, until), 0
        sealed = sum(map(is_sealed, steps))
        for step in tqdm(steps, unit=" weeks", desc="Comparing", file=sys.stderr, disable=None):
            verified = verification.verify(step)
            waiting += verified.waiting
            for difference in verified.differences:
                found[difference.rollup, difference.grain].append(difference)
        for (rollup, grain), differences in found.items():
            self._tell(f"{rollup}, {grain.label}", differences)
        if found:
            names = ", ".join(dict.fromkeys(rollup for rollup, _ in found))
            raise CommandError(f"These rollups don't match their events and sessions: {names}.")
        self.stdout.write(f"Rollups agree: {len(steps)} weeks of owners.")
        if sealed:
            self.stdout.write(f"Not compared: rollups of {sealed} weeks of owners whose events were removed.")
        if waiting:
            self.stdout.write(f"Not compared: {waiting} pending quarters of an hour.")

    def _tell(self, title: str, differences: list[Difference]) -> None:
        """Print how many rows of a rollup and grain differ, and the first of them."""
        self.stdout.write(f"{title}: {sum(each.found for each in differences)}")
        for row in [row for each in differences for row in each.rows][:SHOWN]:
            what, *columns = row.items()
            said = ", ".join(f"{name} {value}" for name, value in columns)
            self.stdout.write(f"  {what[1]}: {said}")
