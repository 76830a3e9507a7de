"""Reads a Procfile: a line `name: command` for each process."""

import re
from pathlib import Path

from telemetry_project.stack.errors import StackError

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


def commands(procfile: Path) -> dict[str, str]:
    """Return the commands by name, in the order of the file; blank lines and comments are skipped.

    Raises:
        StackError: a line is something else, or a name comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(procfile.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise StackError(f"{procfile}, line {number}: a process is written as `name: command`.")
        if match[1] in found:
            raise StackError(f"{procfile}, line {number}: there is a process {match[1]} already.")
        found[match[1]] = match[2]
    return found
