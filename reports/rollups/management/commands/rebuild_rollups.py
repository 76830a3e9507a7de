"""rebuild_rollups: recompute rollups from all events and sessions, with identical rows."""

import sys
from datetime import date

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from reports.rollups import rebuilding
from reports.rollups.management import arguments


class Command(BaseCommand):
    """Rebuild rollups."""

    help = (
        "Rebuilds the rollups of reports, after a release that changes one or after changing events by hand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_arguments(parser)

    def handle(
        self, *_: object, owner: str | None, since: date | None, until: date | None, **__: object
    ) -> None:
        events = sessions = sealed = 0
        steps = arguments.steps(owner, since, until)
        for step in tqdm(steps, unit=" weeks", desc="Rebuilding", file=sys.stderr, disable=None):
            made = rebuilding.rebuild(step)
            events += made.events
            sessions += made.sessions
            sealed += made.is_sealed
        if sealed:
            self.stdout.write(
                f"The events of {sealed} weeks of owners were removed: their rollups stay as they are, apart"
                " from those of sessions."
            )
        self.stdout.write(f"Rebuilt the rollups from {events} events and {sessions} sessions.")
