"""Runs a module at another time: `python -m tests.clock "2025-12-31 23:55" pytest tests/mail`.

Without a time, all of MOMENTS in turn, and then beside busy processes: a test may depend neither on the hour
and the date nor on the speed of the machine. libfaketime (Debian: `apt-get install libfaketime`) shifts the
clock of the tests and of the servers that they start.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

# In UTC: when a day, a month, a year or the hour of Berlin's clocks is about to change, or just has.
# None is in the future: PostgreSQL's signal handlers see the real time under libfaketime, so its timeouts
# would never come, and a statement that waits for a lock would wait for ever.
MOMENTS = {
    "a Monday night": "2026-11-23 03:00",
    "the last minutes of a year": "2025-12-31 23:55",
    "the first minutes of a leap day": "2024-02-29 00:10",
    "before Berlin's clocks go forward": "2026-03-29 00:55",
    "before Berlin's clocks go back": "2026-10-25 00:55",
}
BUSY = 4
LIBRARY = "faketime/libfaketimeMT.so.1"
FOLDERS = (Path("/usr/lib"), Path("/usr/local/lib"), Path("/opt/homebrew/lib"))
# Browsers and Node.js don't work with the preloaded library.
SUITE = ("pytest", "-q", "--ignore=tests/browser", "--ignore=tests/clients", "--ignore=tests/faults")


def environment(at: str, now: datetime) -> dict[str, str]:
    """Build the environment of a process whose clock is shifted, and goes on at its own pace.

    Raises:
        SystemExit: libfaketime isn't on this machine.
    """
    found = next((file for folder in FOLDERS for file in folder.glob(f"**/{LIBRARY}")), None)
    if found is None:
        raise SystemExit("libfaketime is missing: apt-get install libfaketime")
    seconds = (datetime.fromisoformat(at).replace(tzinfo=UTC) - now).total_seconds()
    if seconds > 0:
        raise SystemExit(f"{at} is in the future, where PostgreSQL's timeouts never come. Give a past time.")
    return {**os.environ, "LD_PRELOAD": str(found), "FAKETIME": f"{seconds:+.0f}"}


@contextmanager
def beside_busy_processes(number: int) -> Iterator[None]:
    """Run busy processes until the block ends."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main(words: Sequence[str]) -> int:
    """Run the module at the time given, or the suite at all of them; 0 if all passed."""
    python = [sys.executable, "-m"]
    if words:
        at, *command = words
        os.execve(sys.executable, [*python, *command], environment(at, datetime.now(UTC)))
    failed = []
    for name, at in MOMENTS.items():
        print(f"\n=== {name}: {at} UTC", flush=True)
        told = environment(at, datetime.now(UTC))
        if subprocess.run([*python, *SUITE], env=told, check=False).returncode:
            failed.append(name)
    print(f"\n=== beside {BUSY} busy processes", flush=True)
    with beside_busy_processes(BUSY):
        if subprocess.run([*python, *SUITE], check=False).returncode:
            failed.append("beside busy processes")
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll passed at every time")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
