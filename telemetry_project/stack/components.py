"""One program of the stack, run in its own process group, its output printed line by line."""

import os
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from telemetry_project.stack import paths, processes
from telemetry_project.stack.console import StackError, say, step
from telemetry_project.stack.launch import last_lines, tie

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
        """Describe how it ended."""
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


# Restarting doesn't help a component that dies so often within that time.
DEATHS, WITHIN_SECONDS = 5, 60
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 8


class Server(Protocol):
    """PostgreSQL or Valkey, as their modules start them."""

    def is_running(self) -> bool:
        """True if it is still running."""

    def stop(self) -> None:
        """Stop it."""


class Component(ABC):
    """A restartable server or program. Subclasses define how it starts and whether it runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_over = False  # ended as intended; not restarted
        self._deaths: deque[float] = deque()
        self._due: float | None = None  # time of the next restart

    @abstractmethod
    def start(self) -> None:
        """Start it."""

    @abstractmethod
    def is_running(self) -> bool:
        """True if it is running."""

    @abstractmethod
    def clean_up(self) -> str:
        """Clean up after it died, and return how it ended."""

    @abstractmethod
    def last_output(self) -> str:
        """Return the last lines of its output."""

    def check(self) -> None:
        """Restart it, after a pause, if it has died. Called repeatedly.

        Raises:
            StackError: it died too often.
        """
        now = time.monotonic()
        if self._due is not None:
            if now >= self._due:
                self._due = None
                self._restart()
        elif not self.is_over and not self.is_running():
            self._has_died(self.clean_up(), now)

    def _restart(self) -> None:
        try:
            self.start()
        except StackError as error:
            self._has_died(f"can't be started: {error}", time.monotonic())

    def _has_died(self, how: str, now: float) -> None:
        if self.is_over:
            return
        while self._deaths and self._deaths[0] < now - WITHIN_SECONDS:
            self._deaths.popleft()
        self._deaths.append(now)
        count = len(self._deaths)
        if count >= DEATHS:
            self.give_up(f"{self.name} {how}, {count} times within {WITHIN_SECONDS} s.")
            return
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (count - 1), _LONGEST_PAUSE_SECONDS)
        say(f"{self.name} {how}; restarting it in {pause:g} s")
        self._due = now + pause

    def give_up(self, why: str) -> None:
        """Stop everything, since nothing works without it."""
        raise StackError(f"{why} Its last output:\n{self.last_output()}")


class ServerComponent(Component):
    """A server with its own log."""

    def __init__(self, name: str, launch: Callable[[], Server], log: Path) -> None:
        super().__init__(name)
        self._launch = launch
        self._log = log
        self._server: Server | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with step(f"Starting {self.name}"):
            self._server = self._launch()

    def is_running(self) -> bool:
        """True if it is running."""
        return self._server is not None and self._server.is_running()

    def clean_up(self) -> str:
        """Return how it ended. Its launcher cleans up at the next start."""
        return "has died"

    def last_output(self) -> str:
        """Return the last lines of its log."""
        return last_lines(self._log)

    def stop(self) -> None:
        """Stop it."""
        if self._server is not None:
            with step(f"Stopping {self.name}"):
                self._server.stop()


class ProgramComponent(Component):
    """A line of the Procfile."""

    def __init__(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        super().__init__(name)
        self._argv: Sequence[str] = ("sh", "-c", command)
        self._environment = environment
        self.program: Program | None = None

    def start(self) -> None:
        """Start it."""
        self.program = Program(self.name, self._argv, self._environment)
        say(f"{self.name} started (pid {self.program.process.pid})")

    def is_running(self) -> bool:
        """True if it is running."""
        return self.program is not None and self.program.is_running()

    def clean_up(self) -> str:
        """End its children, which could occupy its port or its work, and return how it ended."""
        assert self.program is not None
        self.program.clear()
        return self.program.ending

    def last_output(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.program.lines) if self.program else ""


class Job(ProgramComponent):
    """A command that runs alongside the others until it has succeeded. Nothing else depends on it."""

    def clean_up(self) -> str:
        """Return how it ended; exit code 0 is a success."""
        how = super().clean_up()
        assert self.program is not None
        self.is_over = self.program.process.returncode == 0
        return how

    def give_up(self, why: str) -> None:
        """Leave it for the next start."""
        say(f"{why} Everything else continues; the next start tries it again.")
        self.is_over = True
