"""Installs a lock into .venv: `python3 requirements/install.py base` (what Tally needs), `lake` or `dev`.

pip installs uv from its own lock, and uv installs the rest. If uv is unavailable or fails, pip installs
everything. Nothing is resolved again, so a lock keeps working after new releases. Standard library only:
nothing else is installed yet. Measurements are in docs/decisions/110-uv-installs-the-locks.md.
"""

from __future__ import annotations  # so that a Python that is too old gets to the message about it

import argparse
import ast
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

OLDEST = (3, 11)
NAMES = ("base", "lake", "dev")
LOCKS = Path(__file__).resolve().parent
ENVIRONMENT = LOCKS.parent / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
UV = ENVIRONMENT / "bin" / "uv"
STATE = ENVIRONMENT / "installed.json"
# Nothing is resolved: exactly the packages of the lock are installed.
LOCKED = ("--no-deps", "--require-hashes")
HEARTBEAT_SECONDS = 2.5

# pip's options and their equivalents in uv, which doesn't read pip's configuration of mirrors.
FLAGS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}
VARIABLES = {
    "cert": ("SSL_CERT_FILE",),
    "client-cert": ("SSL_CLIENT_CERT",),
    "proxy": ("HTTP_PROXY", "HTTPS_PROXY"),
    "timeout": ("UV_HTTP_TIMEOUT",),
    "default-timeout": ("UV_HTTP_TIMEOUT",),
}
# Options without effect on locked packages in a new environment. With any other option, pip installs.
WITHOUT_EFFECT = frozenset(
    """
    break-system-packages cache-dir compile config-file constraint disable-pip-version-check
    exists-action log no-cache-dir no-color no-compile no-input no-python-version-warning
    no-warn-script-location prefer-binary progress-bar quiet require-virtualenv resume-retries retries
    root-user-action upgrade use-feature user verbose
    """.split()  # noqa: SIM905 - a line for each would be a page
)


class InstallError(Exception):
    """An installer failed; the text is what it printed."""


class UntranslatableError(Exception):
    """pip's configuration has an option that uv has no equivalent of."""


def main(words: list[str]) -> int:
    """Install the named lock unless it is already installed. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Install a lock file into .venv.")
    parser.add_argument("lock", choices=NAMES)
    parser.add_argument("--this-python", action="store_true", help="rebuild a .venv that has another Python")
    options = parser.parse_args(words)
    try:
        with _alone():
            if not installed(options.lock, this_python=options.this_python):
                install(options.lock, this_python=options.this_python)
    except InstallError as error:
        say(f"Installing requirements/{options.lock}.txt failed:\n{error}")
        return 1
    except KeyboardInterrupt:
        say("Interrupted; run the same command to install again.")
        return 130
    return 0


def installed(name: str, *, this_python: bool = False) -> bool:
    """True if the environment is complete and matches the lock."""
    return _usable(this_python) and _read_state().get(name) == _digest(name)


def install(name: str, *, this_python: bool = False) -> None:
    """Install the lock into the environment, which is created first if missing or unusable."""
    begun = time.monotonic()
    if not _usable(this_python):
        _make_environment()
    # Until then the environment counts as broken: an interrupted installation may be incomplete.
    _update_state({"finished": False})
    try:
        _install_with_uv(name)
        by = "uv"
    except (InstallError, UntranslatableError) as error:
        say(f"{error}\nuv can't install here, so pip does")
        _make_environment()  # without leftovers of uv
        run(f"Installing requirements/{name}.txt with pip", [*_pip(), "install", *LOCKED, *_lock(name)])
        by = "pip"
    # Each lock has all of those before it, so what is installed for tests can be run as well.
    held = NAMES[: NAMES.index(name) + 1]
    _update_state({**{lock: _digest(lock) for lock in held}, "finished": True})
    say(f"Installed requirements/{name}.txt with {by} in {time.monotonic() - begun:.0f} s")


def _install_with_uv(name: str) -> None:
    flags, variables = for_uv(pip_options(_pip()))
    if _read_state().get("uv") != _digest("uv"):
        run("Installing uv", [*_pip(), "install", *LOCKED, *_lock("uv")])
        _update_state({"uv": _digest("uv")})
    # Compile once here, on all cores, instead of in each process that starts first.
    command = [str(UV), "pip", "install", f"--python={PYTHON}", "--compile-bytecode"]
    run(f"Installing requirements/{name}.txt with uv", [*command, *LOCKED, *flags, *_lock(name)], variables)


def pip_options(pip: list[str]) -> dict[str, str]:
    """Read what pip is configured to do when it installs, from its files and its environment.

    Raises:
        InstallError: pip can't read its own configuration.
    """
    shown = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False)
    if shown.returncode:
        raise InstallError(shown.stderr)
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in shown.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in found:
            found[section][option] = str(ast.literal_eval(value))
    # In pip's own order: later values win.
    return found["global"] | found["install"] | found[":env:"]


def for_uv(options: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Translate pip's options into uv's flags and environment variables.

    Raises:
        UntranslatableError: one of them has no equivalent.
    """
    # Like pip, uv checks all indexes; the hashes identify the right file.
    flags, variables = ["--index-strategy=unsafe-best-match"], {"UV_PYTHON_DOWNLOADS": "never"}
    for option, value in options.items():
        if option in FLAGS:
            # pip warns about a missing folder and continues; uv fails.
            flags += [f"{FLAGS[option]}={word}" for word in value.split() if _may_exist(word)]
        elif option in VARIABLES:
            variables.update(dict.fromkeys(VARIABLES[option], value))
        elif option == "no-index":
            flags += ["--no-index"] if value.lower() in {"1", "true", "yes", "on", "y", "t"} else []
        elif option not in WITHOUT_EFFECT:
            raise UntranslatableError(f"pip is configured with {option}, which uv doesn't have.")
    return flags, variables


def _may_exist(place: str) -> bool:
    folder = place.removeprefix("file://")
    return not folder.startswith(("/", "~", ".")) or Path(folder).expanduser().exists()


def run(doing: str, command: list[str], variables: Mapping[str, str] = {}) -> None:
    """Run a command, and print every few seconds how long it has been running and its last line.

    Raises:
        InstallError: it failed.
    """
    say(doing)
    begun, printed = time.monotonic(), [""]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1", **variables}
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:  # a program for another machine, or a file system without programs
        raise InstallError(str(error)) from error

    def read() -> None:
        assert process.stdout is not None
        printed.extend(line.strip() for line in process.stdout if line.strip())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(HEARTBEAT_SECONDS)
                break
            say(f"  {time.monotonic() - begun:.0f} s  {printed[-1][:100]}".rstrip())
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        reader.join()
    if process.returncode:
        raise InstallError(
            "\n".join(printed[-20:]).strip() or f"{command[0]} exited with {process.returncode}"
        )


def say(text: str) -> None:
    """Print a line without buffering."""
    print(text, flush=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep a second `make` in this folder waiting until the block ends."""
    with Path(__file__).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another make that is installing")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _usable(this_python: bool) -> bool:
    """True if the environment is complete, and its Python still runs and is the requested one."""
    state = _read_state()
    if not state.get("finished") or state.get("python") != _describe(PYTHON):
        return False
    return not this_python or state.get("python") == _describe(Path(sys.executable))


def _make_environment() -> None:
    if sys.version_info < OLDEST:
        raise InstallError(f"Tally needs Python {OLDEST[0]}.{OLDEST[1]} or newer: make PYTHON=python3.12")
    say(f"Making .venv with Python {sys.version.split()[0]}")
    venv.create(ENVIRONMENT, clear=True, symlinks=True)
    _update_state({"python": _describe(PYTHON), "finished": False})


def _pip() -> list[str]:
    """Return the command of a pip that installs into the environment.

    The running Python's pip can: giving the environment a pip of its own takes five seconds.
    """
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", f"--python={PYTHON}"]
    own = [str(PYTHON), "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True, check=False).returncode:
        run("Installing pip", [str(PYTHON), "-m", "ensurepip"])
    return own


def _describe(python: Path) -> list[str] | None:
    """Return what packages are installed for: version, machine, folder; None if the Python doesn't run."""
    told = "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'), sysconfig.get_platform())"
    with suppress(OSError):
        shown = subprocess.run([python, "-I", "-c", told], capture_output=True, text=True, check=False)
        if shown.returncode == 0:
            return [*shown.stdout.split(), str(ENVIRONMENT.resolve())]
    return None


def _lock(name: str) -> tuple[str, str]:
    return "-r", str(LOCKS / f"{name}.txt")


def _digest(name: str) -> str:
    return hashlib.sha256((LOCKS / f"{name}.txt").read_bytes()).hexdigest()


def _read_state() -> dict[str, object]:
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _update_state(changes: Mapping[str, object]) -> None:
    written = STATE.with_suffix(".new")
    written.write_text(json.dumps({**_read_state(), **changes}, indent=1))
    written.replace(STATE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
