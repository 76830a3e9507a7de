"""Asked: the owners and the days that commands about rollups are told."""

from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import CommandParser

from events.management.lookups import owner_ids
from reports.rollups import rebuilding
from reports.rollups.rebuilding import Step


def add_arguments(parser: CommandParser) -> None:
    """Add the options; without them, everything is meant."""
    parser.add_argument("--owner", help="Only those of the owners of this name.")
    parser.add_argument("--since", type=date.fromisoformat, help="From this day on (UTC), as 2026-01-31.")
    parser.add_argument("--until", type=date.fromisoformat, help="Before this day (UTC).")


def steps(options: dict[str, Any]) -> list[Step]:
    """The weeks of owners that are meant. Raises CommandError for a name that nobody has."""
    return rebuilding.steps(
        owner_ids(options["owner"]), _midnight(options["since"]), _midnight(options["until"])
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
