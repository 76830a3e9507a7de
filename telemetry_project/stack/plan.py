"""The plan of one run of the stack: its servers, commands and processes."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from telemetry_project.stack import paths
from telemetry_project.stack.console import StackError

# Every process of a run has its data folder in this variable, so that all of them can be found.
MARK = "TALLY_STACK_OF"

WELCOME = "welcome.txt"
_MANAGE = (sys.executable, "manage.py")


@dataclass(frozen=True)
class Background:
    """A command that runs alongside everything else once the web server answers."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True)
class Plan:
    """The parts of one run. Commands in `before` end before the processes start."""

    data: Path
    host: str
    port: int
    environment: Mapping[str, str]
    procfile: Path = paths.REPOSITORY / "Procfile"
    before: Sequence[Sequence[str]] = ()
    jobs: Sequence[Background] = (
        Background("docs", ("nice", "-n", "10", sys.executable, "-m", "telemetry_project.documentation")),
        Background("demo", ("nice", "-n", "10", *_MANAGE, "load_demo")),
    )
    stop_seconds: float = 10  # for the processes, before they are killed

    @property
    def welcome(self) -> Path:
        """Return the file in which `prepare` leaves the text that is printed once people can log in."""
        return self.data / WELCOME

    @property
    def address(self) -> str:
        """Return the URL of the web server on this machine."""
        everywhere = {"0.0.0.0", "::", "localhost"}  # noqa: S104 (compared, not bound)
        return f"http://{'127.0.0.1' if self.host in everywhere else self.host}:{self.port}"

    @property
    def embeds_postgres(self) -> bool:
        """True if the stack runs PostgreSQL."""
        return not self.environment.get("DATABASE_URL")

    @property
    def embeds_valkey(self) -> bool:
        """True if the stack runs Valkey.

        With another broker it still serves the cache and the rate limits.
        """
        return not self.environment.get("REDIS_URL")


def plan_from(environment: Mapping[str, str]) -> Plan:
    """Return the plan for an environment, by TALLY_DATA, HOST and PORT."""
    data = paths.data_folder(environment)
    host, port = environment.get("HOST") or "127.0.0.1", environment.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise StackError(f"PORT is {port!r}: it must be a number from 1 to 65535.")
    return Plan(
        data=data,
        host=host,
        port=int(port),
        before=((*_MANAGE, "prepare", "--migrate", "--welcome", str(data / WELCOME)),),
        environment={
            **environment,
            "TALLY_DATA": str(data),
            "HOST": host,
            "PORT": port,
            MARK: str(data),
            # The Procfile names programs of this Python environment, which doesn't have to be activated.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
        },
    )


_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


def commands_in(procfile: Path) -> dict[str, str]:
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
            raise StackError(f"{procfile}, line {number}: there is already a process {match[1]}.")
        found[match[1]] = match[2]
    return found
