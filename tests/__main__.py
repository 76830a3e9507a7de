"""All tests, for `make test`: in parts, two at a time, since one that starts whole stacks waits much.

Each part is a process with servers and databases of its own, as any run is. It prints its output when it
ends, so that the parts aren't mixed.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PYTEST = (sys.executable, "-m", "pytest")
AT_ONCE = 2
PERCENT = re.compile(r"\[ *(\d+)%\]$")  # at the end of pytest's lines
EVERY_PERCENT = 10


class Part(NamedTuple):
    """Folders of tests that one process runs; without a folder, all those that no other part has."""

    name: str
    folders: tuple[str, ...] = ()


# Whoever is free takes the next: the longest are first, so that the last two end at about the same time.
PARTS = (
    Part("stacks", ("browser", "clients", "faults", "http", "stack")),
    Part("rest"),
    Part("attacks", ("attack", "security")),
    Part("reports", ("digests", "mail", "reports", "rollups")),
)


def arguments(part: Part) -> list[str]:
    """Return what pytest is told to run."""
    if part.folders:
        return [f"tests/{folder}" for folder in part.folders]
    return [f"--ignore=tests/{folder}" for other in PARTS for folder in other.folders]


def run(part: Part) -> int:
    """Run a part, print how far it is, and its output once it has ended; return pytest's status."""
    begun = time.monotonic()
    say(f"{part.name}: running")
    lines, printed = [], 0
    with subprocess.Popen(
        [*PYTEST, *arguments(part)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if (done := PERCENT.search(line)) and int(done[1]) >= printed + EVERY_PERCENT:
                printed = int(done[1])
                say(f"{part.name}: {printed} %")
    ended = f"{part.name}: {time.monotonic() - begun:.0f} s, status {process.returncode}"
    say(f"\n{''.join(lines)}\n{ended}")
    return process.returncode


def say(text: str) -> None:
    """Print a line in one write: the parts print at the same time."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_all(parts: Iterable[Part]) -> bool:
    """Run all parts; return whether all tests passed. Interrupted, it begins no further part."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        statuses = list(pool.map(run, parts))
    finally:
        pool.shutdown(cancel_futures=True)
    return not any(statuses)


def main() -> int:
    """Run all; 0 if all passed."""
    if len(sys.argv) > 1:
        sys.exit('This runs all tests. For some of them: make test ARGS="tests/api -k name"')
    return 0 if run_all(PARTS) else 1


if __name__ == "__main__":
    sys.exit(main())
