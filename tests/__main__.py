"""Run all tests for `make test`, in parts, three at a time, since tests that start whole stacks mostly wait.

Each part is a process with its own servers and databases. Its output is printed when it ends, so that the
output of parts doesn't mix.
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
AT_ONCE = 3
PERCENT = re.compile(r"\[ *(\d+)%\]$")  # at the end of lines of pytest's output
EVERY_PERCENT = 10


class Part(NamedTuple):
    """Test folders run by one process. A part without folders has all those that no other part has."""

    name: str
    folders: tuple[str, ...] = ()


# A free worker takes the next part. The longest come first.
PARTS = (
    Part("stacks", ("browser", "clients", "faults", "http", "stack")),
    Part("rest"),
    Part("attacks", ("attack", "security")),
    Part("reports", ("digests", "mail", "reports", "rollups")),
)


def arguments(part: Part) -> list[str]:
    """Return the arguments for pytest."""
    if part.folders:
        return [f"tests/{folder}" for folder in part.folders]
    return [f"--ignore=tests/{folder}" for other in PARTS for folder in other.folders]


def run(part: Part) -> int:
    """Run a part, print its progress, then its output. Return pytest's exit status."""
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
    """Print a line in one write, because parts print at the same time."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_all(parts: Iterable[Part]) -> bool:
    """Run all parts. Return true if all tests passed. If interrupted, start no more parts."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        statuses = list(pool.map(run, parts))
    finally:
        pool.shutdown(cancel_futures=True)
    return not any(statuses)


def main() -> int:
    """Run all tests. Return 0 if all passed."""
    if len(sys.argv) > 1:
        sys.exit('This runs all tests. For some of them: make test ARGS="tests/api -k name"')
    return 0 if run_all(PARTS) else 1


if __name__ == "__main__":
    sys.exit(main())
