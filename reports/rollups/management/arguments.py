"""Arguments: the owners and days of commands about rollups."""

from datetime import UTC, date, datetime, time

from django.core.management.base import CommandParser

from events.management.lookups import owner_ids
from reports.rollups import rebuilding
from reports.rollups.rebuilding import Step


def add_arguments(parser: CommandParser) -> None:
    """Add the options. Without them, commands cover everything."""
    parser.add_argument("--owner", help="Only owners with this name.")
    parser.add_argument("--since", type=date.fromisoformat, help="From this day on, UTC, such as 2026-01-31.")
    parser.add_argument("--until", type=date.fromisoformat, help="Up to, but not including, this day, UTC.")


def steps(owner: str | None, since: date | None, until: date | None) -> list[Step]:
    """Return the selected weeks of owners. Raises CommandError for an unknown owner."""
    return rebuilding.steps(owner_ids(owner), _midnight(since), _midnight(until))


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
