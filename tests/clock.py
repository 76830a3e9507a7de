"""Run a module at another time: `python -m tests.clock "2025-12-31 23:55" pytest tests/mail`.

Without arguments, run the suite at each of MOMENTS and once on a busy machine: no test may depend on the
date, the hour or the machine's speed. A small preloaded library (clock.c) shifts the wall clock of the tests
and of the servers they start.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

# In UTC: just before or after a change of day, month, year or of Berlin's clocks.
MOMENTS = {
    "a Monday night": "2026-11-23 03:00",
    "the last minutes of a year": "2026-12-31 23:55",
    "the first minutes of a leap day, a Monday": "2016-02-29 00:10",
    "before Berlin's clocks go forward": "2026-03-29 00:55",
    "before Berlin's clocks go back": "2027-10-31 00:55",
}
BUSY = 4
SOURCE = Path(__file__).with_name("clock.c")
# Browsers, Node.js and faults are left out because they take long and read no dates that others don't.
SUITE = (
    *("pytest", "-q", "-n", "2", "--dist", "loadfile"),
    *("--ignore=tests/browser", "--ignore=tests/clients", "--ignore=tests/faults"),
)


def environment(at: str, now: datetime) -> dict[str, str]:
    """Build the environment of a process whose wall clock is shifted but runs at normal speed.

    Raises:
        SystemExit: there is no C compiler on this machine.
    """
    shift = (datetime.fromisoformat(at).replace(tzinfo=UTC) - now).total_seconds()
    return {**os.environ, "LD_PRELOAD": str(_library()), "TALLY_CLOCK_SHIFT": f"{shift:.0f}"}


def _library() -> Path:
    """Compile the library that shifts the clock. It stays for processes that outlive this one."""
    library = Path(tempfile.mkdtemp(prefix="tally-clock-")) / "clock.so"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    except FileNotFoundError:
        raise SystemExit("There is no C compiler (cc): apt-get install gcc") from None
    return library


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Run busy processes until the block ends."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main(words: Sequence[str]) -> int:
    """Run the module at the given time, or the suite at all of them. Return 0 if all passed."""
    python = [sys.executable, "-m"]
    if words:
        at, *command = words
        os.execve(sys.executable, [*python, *command], environment(at, datetime.now(UTC)))
    failed = []
    for name, at in MOMENTS.items():
        print(f"\n=== {name}: {at} UTC", flush=True)
        shifted = environment(at, datetime.now(UTC))
        if subprocess.run([*python, *SUITE], env=shifted, check=False).returncode:
            failed.append(name)
    print(f"\n=== with {BUSY} busy processes", flush=True)
    with busy_processes(BUSY):
        if subprocess.run([*python, *SUITE], check=False).returncode:
            failed.append("with busy processes")
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll passed at every time")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
