"""As whom a server runs: PostgreSQL refuses root, so root hands it to somebody else."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from telemetry_project.stack.errors import StackError

NOBODY = 65534

# Inside, the server sees itself as nobody; outside, it is root still. So it reads folders that are closed to
# others, and neither a system user nor a chmod is needed.
NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")

REMEDY = "Run Tally as an ordinary user, or set DATABASE_URL to a PostgreSQL that is running already."


@dataclass(frozen=True)
class Identity:
    """A command to put before the server's own, and the owner of its files."""

    prefix: tuple[str, ...]
    user: int
    group: int


def identity_for(folder: Path) -> Identity:
    """Who is to run the server whose files are, or will be, in the folder.

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
    """Whether this machine lets us make a user namespace; many containers don't."""
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
