"""Paths of the stack's files and sockets, all derived from the data folder."""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from telemetry_project.stack.console import StackError

REPOSITORY = Path(__file__).resolve().parents[2]

# The kernel's limit on a socket's address (sun_path), without the closing NUL.
LONGEST_SOCKET_PATH = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"

# libpq splits hosts at commas, URLs treat %, ? and # specially, and spaces need quotes everywhere.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of Tally's data: $TALLY_DATA, or var/ in the checkout."""
    named = environment.get("TALLY_DATA", "")
    return Path(named).expanduser().resolve() if named else REPOSITORY / "var"


def cluster_folder(data: Path) -> Path:
    """Return the folder of PostgreSQL's files."""
    return data / "postgres"


def valkey_folder(data: Path) -> Path:
    """Return the folder of Valkey's files."""
    return data / "valkey"


def log_folder(data: Path) -> Path:
    """Return the folder of the servers' logs."""
    return data / "log"


def socket_folder(data: Path) -> Path:
    """Return the folder of both sockets: <data>/run, or one in /tmp if that path is too long.

    Raises:
        StackError: the short folder is there and isn't ours, so whatever listens in it isn't either.
    """
    beside = data / "run"
    longest = max(len(os.fsencode(beside / name)) for name in (POSTGRES_SOCKET, VALKEY_SOCKET))
    if longest <= LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(beside)):
        return beside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    # Not $TMPDIR, because server and clients must derive the same path, whatever their environment.
    short = Path("/tmp") / f"tally-{digest}"  # noqa: S108
    if os.path.lexists(short):
        refuse_unless_private(short, data)
    return short


def postgres_socket_folder(data: Path) -> Path:
    """Return the folder of PostgreSQL's socket, for libpq's `host`."""
    return socket_folder(data)


def valkey_socket(data: Path) -> Path:
    """Return the path of Valkey's socket."""
    return socket_folder(data) / VALKEY_SOCKET


def refuse_unless_private(folder: Path, data: Path) -> None:
    """Raise unless the folder is real, closed to others, and owned by this user or the data's owner."""
    found = folder.lstat()
    owners = {os.geteuid()}
    if cluster_folder(data).exists():
        owners.add(cluster_folder(data).stat().st_uid)
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in owners:
        raise StackError(
            f"{folder} isn't a private folder of this user: remove it, or set another TALLY_DATA."
        )
