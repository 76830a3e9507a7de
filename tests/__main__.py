"""All tests, for `make test`: in two processes, since what starts whole stacks waits most of its time.

Each process has servers and databases of its own, as any run has. What the second prints comes at the end.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

PYTEST = (sys.executable, "-m", "pytest")
# About half of the time that all take.
STACKS = [
    f"tests/{name}"
    for name in ("browser", "clients", "faults", "http", "stack", "reports", "rollups", "digests", "mail")
]


def main() -> int:
    """Run both; 0 if all passed."""
    if len(sys.argv) > 1:
        sys.exit('This runs all tests. For some of them: make test ARGS="tests/api -k name"')
    root = Path(__file__).parent.parent
    with TemporaryFile() as output:
        beside = subprocess.Popen([*PYTEST, *STACKS], cwd=root, stdout=output, stderr=subprocess.STDOUT)
        try:
            rest = subprocess.run(
                [*PYTEST, *(f"--ignore={folder}" for folder in STACKS)], cwd=root, check=False
            )
            beside.wait()
        finally:
            beside.terminate()
        output.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(output, sys.stdout.buffer)
    return rest.returncode or beside.returncode


if __name__ == "__main__":
    sys.exit(main())
