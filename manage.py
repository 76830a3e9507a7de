#!/usr/bin/env python
"""Django's command line for Tally."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db.utils import OperationalError

AWAY = (
    "Is Tally running? Start it with `make run`, or set TALLY_DATA or DATABASE_URL to those of a running"
    " Tally."
)
BUSY = (
    "The database timed out, probably because another process is working on the same rows. Try again in a"
    " minute."
)


def main() -> None:
    """Run a command; a database that is not there, or is busy, is two lines, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_project.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        has_answered = getattr(error.__cause__, "sqlstate", None)  # as for a lock that somebody else holds
        sys.exit(f"Error: {reason}\n{BUSY if has_answered else AWAY}")


if __name__ == "__main__":
    main()
