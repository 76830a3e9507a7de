"""`make bench`: print a table of ratios; ARGS="batch" or "single" chooses, --rounds and --events size it."""

import argparse
import sys

from benchmarks import stack

stack.environment()

import django  # noqa: E402  (after the environment is set)

django.setup()

from benchmarks import ingest  # noqa: E402

FLOORS = {"batch": 0.25, "single": 0.45}
NAMES = {
    "batch": ("batch ingest end to end, events/s", "raw COPY of the same rows"),
    "single": ("one event a request, acknowledged/s", "no-op DRF view"),
}


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("what", nargs="*", choices=[*NAMES, []], help="what to measure; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=120_000, help="events of a round of batches")
    parser.add_argument("--seconds", type=float, default=4, help="length of a round of single events")
    options = parser.parse_args()
    wanted = options.what or list(NAMES)
    rows = []
    with stack.servers():
        if "single" in wanted:
            with stack.processes("web"):
                rows.append(("single", ingest.single(options.rounds, options.seconds)))
        if "batch" in wanted:
            with stack.processes("web", "worker", "beat"):
                rows.append(("batch", ingest.batch(options.rounds, options.events)))
    for name, rounds in rows:
        measured, reference = NAMES[name]
        ratio = ingest.median_ratio(rounds)
        print(f"\n{measured}, against {reference}: {ratio:.2f} (to reach: {FLOORS[name]})")
        for each in rounds:
            print(
                f"  {each.measured:>10,.0f}  {each.reference:>10,.0f}  {each.measured / each.reference:.2f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
