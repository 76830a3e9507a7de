"""Starting a server of the stack: its user, lock, log and session."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from telemetry_project.stack import paths
from telemetry_project.stack.console import StackError

NOBODY = 65534

# Inside, the server sees itself as nobody; outside, it is still root. So it can read folders that are closed
# to others, and needs neither a system user nor a chmod.
NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")

REMEDY = "Run Tally as an ordinary user, or set DATABASE_URL to a PostgreSQL that is already running."


@dataclass(frozen=True)
class Identity:
    """A command to put before the server's own, and the owner of its files."""

    prefix: tuple[str, ...]
    user: int
    group: int


def identity_for(folder: Path) -> Identity:
    """Return the identity that runs the server whose files are in a folder.

    Raises:
        StackError: nobody can.
    """
    me, group = os.geteuid(), os.getegid()
    owner, owners_group = (folder.stat().st_uid, folder.stat().st_gid) if folder.exists() else (me, group)
    if me != 0:
        if owner != me:
            raise StackError(
                f"{folder} belongs to user {owner}: run Tally as that user, or set another TALLY_DATA."
            )
        return Identity((), me, group)
    if owner != 0:
        return _other_user(owner, owners_group)
    if namespaces_allowed():
        return Identity(NAMESPACE, 0, group)
    if folder.exists():
        raise StackError(f"{folder} belongs to root, and this machine denies user namespaces. {REMEDY}")
    return _other_user(NOBODY, NOBODY)


def namespaces_allowed() -> bool:
    """True if this machine allows user namespaces; many containers don't."""
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def refuse_unless_reachable(identity: Identity, *, binary: Path, folder: Path) -> None:
    """Raise unless that user may start the binary and write into the folder."""
    if not identity.prefix:
        return
    trial = [*identity.prefix, "sh", "-c", '"$1" --version && test -w "$2"', "sh", str(binary), str(folder)]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        raise StackError(
            f"PostgreSQL refuses to run as root, and user {identity.user} can't reach {binary} or {folder}. "
            + REMEDY
        )


def _other_user(user: int, group: int) -> Identity:
    return Identity(("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"), user, group)


_LOG_BYTES_KEPT = 16 * 1024 * 1024

# Servers started by this process. Kept, so that one that ends is reaped and doesn't stay a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file. The kernel releases it when its holder dies.

    Raises:
        BlockingIOError: another process holds it, and `wait` is False.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except PermissionError as error:
        raise StackError(f"This user can't write to {path.parent}. Set another TALLY_DATA.") from error
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
    """Start a server in a new session, so that Ctrl-C in a terminal doesn't reach it.

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
    """Return the command prefix that ends a process with its parent, if util-linux has it."""
    return ("setpriv", "--pdeathsig", "TERM") if tied and shutil.which("setpriv") else ()


def reap() -> None:
    """Reap children that have ended, so that they don't stay zombies."""
    for pid, process in list(_children.items()):
        if process.poll() is not None:
            del _children[pid]


def last_lines(log: Path, count: int = 8) -> str:
    """Return the last lines of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else ""
