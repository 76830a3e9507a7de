"""Runs the Procfile's processes with honcho, as `honcho start` does, but through a closed terminal too."""

import os
import sys
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

from telemetry_project.stack.speech import hush


class SteadyPrinter(Printer):  # type: ignore[misc]  # honcho has no types
    """Prints while it can: in `make run | tee log`, Ctrl-C ends tee before honcho has stopped anything."""

    def write(self, message: Message) -> None:
        """Write a line, or nothing from the first failure on."""
        try:
            super().write(message)
        except OSError:
            hush()


def main(procfile: Path) -> int:
    """Run the processes until one of them ends or a signal comes; honcho's own exit code."""
    manager = Manager(SteadyPrinter(sys.stdout))
    for name, command in parse_procfile(procfile.read_text()).processes.items():
        manager.add_process(name, command, env=dict(os.environ))
    manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    # A signal before the last process has started makes honcho raise, and Python then waits for the processes
    # for ever. Leaving at once lets the supervisor see that, and it ends what is left.
    code = 1
    try:
        code = main(Path(sys.argv[1]))
    finally:
        sys.stdout.flush()
        os._exit(code)
