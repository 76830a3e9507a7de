"""rebuild_rollups: make rollups anew from all events and sessions, to the same rows."""

import sys
from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from events.management.asked import owners_named
from reports.rollups import rebuilding


class Command(BaseCommand):
    """Make rollups anew."""

    help = "Makes the rollups of reports anew: after a release that changes one, or events changed by hand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", help="Only those of the owners of this name.")
        parser.add_argument("--since", type=date.fromisoformat, help="From this day on (UTC), as 2026-01-31.")
        parser.add_argument("--until", type=date.fromisoformat, help="Before this day (UTC).")

    def handle(self, *_: Any, **options: Any) -> None:
        owners = owners_named(options["owner"])
        since, until = (_midnight(options[name]) for name in ("since", "until"))
        events = sessions = 0
        steps = rebuilding.steps(owners, since, until)
        for step in tqdm(steps, unit=" weeks", desc="Making anew", file=sys.stderr, disable=None):
            made = rebuilding.rebuild(step)
            events += made.events
            sessions += made.sessions
        self.stdout.write(f"Rollups made anew from {events} events and {sessions} sessions.")


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
