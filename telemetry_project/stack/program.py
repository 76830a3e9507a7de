"""One program that the stack runs: in a process group of its own, its output printed line by line."""

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from telemetry_project.stack import paths, processes
from telemetry_project.stack.launch import tie
from telemetry_project.stack.speech import say

_LINES_KEPT = 15
_LEFT_SECONDS = 2  # for processes left in the group of a program that died


class Program:
    """A running program, tied to the supervisor's thread: it is asked to stop when the thread dies."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self.process = subprocess.Popen(
            [*tie(), *argv],
            cwd=paths.REPOSITORY,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._print, daemon=True)
        self.reader.start()

    def is_running(self) -> bool:
        """True if its first process is still running."""
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def clear(self) -> None:
        """End the rest of its group after its first process has ended, and print its last lines."""
        self.signal(signal.SIGTERM)
        processes.wait_until(lambda: not self._has_group(), _LEFT_SECONDS)
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join(1)  # a process that has left the group may keep the pipe open

    @property
    def ending(self) -> str:
        """How it ended, as text."""
        code = self.process.returncode
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _has_group(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _print(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                text = line.decode(errors="replace").rstrip()
                self.lines.append(text)
                say(text, self.name)
