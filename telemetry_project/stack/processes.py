"""Finding and ending processes by /proc."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 0.02

Ladder = tuple[tuple[signal.Signals, float], ...]


def is_running(pid: int) -> bool:
    """True if a process is running and not a zombie."""
    try:
        # The name in brackets may contain anything, so the state is after the last bracket.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def running_in(folder: Path, name: str) -> list[int]:
    """Return the running processes called `name` in a working folder: a server and its children.

    A pid file isn't reliable, since pids are reused. A server's working folder is, because it changes to its
    data.
    """
    return [pid for pid in _pids() if works(pid, folder, name)]


def works(pid: int, folder: Path, name: str) -> bool:
    """True if a process is running, is called `name`, and works in a folder."""
    return _name(pid) == name and _works_in(pid, folder) and is_running(pid)


def marked_with(variable: str, value: str) -> list[int]:
    """Return the running processes with this environment variable, even detached ones."""
    mark = os.fsencode(f"{variable}={value}")
    return [
        pid for pid in _pids() if mark in _words(pid, "environ") and pid != os.getpid() and is_running(pid)
    ]


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is true; False if it isn't within a time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to those of the processes that still exist."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def end(find: Callable[[], list[int]], ladder: Ladder) -> bool:
    """Send signals one after another, each with its seconds to take effect; True if no process is left.

    `find` is called again before each signal, so that a reused pid gets none.
    """
    for number, seconds in ladder:
        send(find(), number)
        if wait_until(lambda: not find(), seconds):
            return True
    return False


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 (twice as fast)


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").rstrip("\n")
    return ""


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/cwd") == os.fspath(folder)  # noqa: PTH115 (compared as text)
    except PermissionError:
        # root in a container may not read that; the command line is readable by all.
        return os.fsencode(folder) in _words(pid, "cmdline")
    except OSError:
        return False


def _words(pid: int, file: str) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{file}").read_bytes().split(b"\0")
    return []
