"""Starts one server of the stack: its folders, its lock, its log, its own session."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from telemetry_project.stack import paths
from telemetry_project.stack.errors import StackError
from telemetry_project.stack.identity import Identity

_LOG_BYTES_KEPT = 16 * 1024 * 1024

# Servers started by this process. Kept, so that one that ends is reaped and doesn't stay a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it when its holder dies, however that happens.

    Raises:
        BlockingIOError: another process holds it, and `wait` is False.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except PermissionError as error:
        raise StackError(
            f"{path.parent} can't be written to by this user: set another TALLY_DATA."
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def private_folder(folder: Path, data: Path, owner: Identity | None = None) -> None:
    """Make a folder that only its owner may enter: this user unless root hands it on.

    Raises:
        StackError: it is there and somebody else's.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    paths.refuse_unless_private(folder, data)
    if owner is not None and folder.stat().st_uid != owner.user:
        os.chown(folder, owner.user, owner.group)


def launch(
    argv: Sequence[str], *, log: Path, tied: bool, prefix: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, out of reach of a terminal's Ctrl-C.

    Tied, it is asked to stop (SIGTERM) when the thread that started it dies.
    """
    log.parent.mkdir(exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*prefix, *tie(tied=tied), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    return process


def tie(*, tied: bool = True) -> tuple[str, ...]:
    """The command prefix that ends a process with its parent, where util-linux offers it."""
    return ("setpriv", "--pdeathsig", "TERM") if tied and shutil.which("setpriv") else ()


def reap() -> None:
    """Take note of the children that have ended, so that they aren't there as zombies."""
    for pid, process in list(_children.items()):
        if process.poll() is not None:
            del _children[pid]


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else ""
