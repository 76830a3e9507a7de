#!/usr/bin/env python
"""Django's command line for Tally."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db.utils import OperationalError


def main() -> None:
    """Run a command; a database that is not there is one line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_project.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        sys.exit(
            f"Error: {reason}\nIs Tally running? Start it with `make run`, or set TALLY_DATA or DATABASE_URL"
            " to that of the copy that runs."
        )


if __name__ == "__main__":
    main()
