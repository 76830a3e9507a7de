"""Profile: where web, worker and database spend their time under batches and under single events, as text."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from benchmarks import bodies, ingest, load, stack

FOLDER = stack.ROOT / "var" / "bench" / "profile"
RATE = 250  # samples a second
SHOWN = 40  # functions and statements of each list
PRINTED = 10

_STATEMENTS = """
SELECT round(total_exec_time)::text, calls::text, round((total_exec_time / calls)::numeric, 3)::text,
       rows::text, left(regexp_replace(query, '\\s+', ' ', 'g'), 150)
FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
WHERE datname = current_database() ORDER BY total_exec_time DESC LIMIT %s
"""


def measure(seconds: float) -> None:
    """Write a file for each kind of load and each part; print the top of each."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with stack.processes("web", "workers", "beat") as started:
        for name, size in (("batches", ingest.BATCH), ("singles", 1)):
            key = ingest.ready()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_stat_statements_reset()")
            spies = {part: _spy(started[part].pid, name, part, seconds) for part in ("web", "workers")}
            sent = load.run(
                stack.PORT, _requests(key, size), connections=4 if size > 1 else 16, seconds=seconds
            )
            assert set(sent.statuses) == {200}, sent.statuses
            for part, spy in spies.items():
                assert spy.wait(60) == 0, f"py-spy could not look into {part}"
                _write(f"{name}-{part}", list(_functions(_raw(name, part))))
            _write(f"{name}-database", list(_statements()))


def _requests(key: str, size: int) -> Iterator[bytes]:
    made = bodies.batches(sys.maxsize, size, seed=int(time.time()))
    return (load.request(ingest.PATH, key, body) for body in made)


def _raw(name: str, part: str) -> Path:
    return FOLDER / f"{name}-{part}.raw"


def _spy(pid: int, name: str, part: str, seconds: float) -> subprocess.Popen[bytes]:
    """Samples a process and its children: the threads that hold the interpreter, so none that waits."""
    program = Path(sys.executable).parent / "py-spy"
    return subprocess.Popen(
        [
            program,
            "record",
            *("--pid", str(pid), "--subprocesses", "--gil"),
            *("--duration", str(int(seconds)), "--rate", str(RATE)),
            *("--format", "raw", "--output", _raw(name, part)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _functions(raw: Path) -> Iterator[str]:
    """Functions by the share of samples in themselves, with the share in them and all that they call."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in raw.read_text().splitlines():
        stack_text, _, count = line.rpartition(" ")
        frames = [
            frame.rpartition(":")[0] + ")"
            for frame in stack_text.split(";")
            if not frame.startswith("process ")
        ]
        if frames:
            own[frames[-1]] += int(count)
            whole.update(dict.fromkeys(set(frames), int(count)))
    samples = sum(own.values()) or 1
    yield f"{'itself':>7} {'with callees':>12}  function ({samples} samples)"
    for function, number in own.most_common(SHOWN):
        yield f"{number / samples:>7.1%} {whole[function] / samples:>12.1%}  {function}"
    yield f"\n{'with callees':>20}  function"
    for function, number in whole.most_common(SHOWN):
        yield f"{number / samples:>20.1%}  {function}"


def _statements() -> Iterator[str]:
    """Statements by the time they took altogether."""
    yield f"{'ms':>9} {'calls':>8} {'ms a call':>10} {'rows':>9}  statement"
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS, [SHOWN])
        for milliseconds, calls, mean, rows, statement in cursor.fetchall():
            yield f"{milliseconds:>9} {calls:>8} {mean:>10} {rows:>9}  {statement}"


def _write(name: str, lines: list[str]) -> None:
    path = FOLDER / f"{name}.txt"
    path.write_text("\n".join(lines) + "\n")
    print(f"\n{path.relative_to(stack.ROOT)}:")
    print("\n".join(line[:130] for line in lines[: PRINTED + 1]))
