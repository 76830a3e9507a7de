"""`make test-faults FAULT_SECONDS=600`: random faults for this time, with a printed seed (FAULT_SEED)."""

import os
import random
import sys
import tempfile
import time

import django


def main() -> int:
    """Run the faults. Return 0 if all checks passed."""
    seconds = float(os.environ.get("FAULT_SECONDS") or 600)
    seed = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6))
    os.environ["DJANGO_SETTINGS_MODULE"] = "telemetry_project.settings"
    # Needed only for samples and kinds: the stack has its own folder.
    with tempfile.TemporaryDirectory(prefix="tally-faults-settings-") as folder:
        os.environ["TALLY_DATA"] = folder
        django.setup()
        return _run(seconds, seed)


def _run(seconds: float, seed: int) -> int:
    from tests.faults.trial import at_random, prepared  # they import models

    print(f"FAULT_SECONDS={seconds:g} FAULT_SEED={seed}", flush=True)
    with prepared(seed) as trial:
        begun = time.monotonic()
        failure = ""
        try:
            for fault in at_random(trial, seconds, seed):
                print(f"{time.monotonic() - begun:6.1f} s  {fault.name}", flush=True)
            trial.recount_charges()
        except AssertionError as error:
            failure = f"{error}\n{trial.scene.stack.logs()}"
        print(*trial.report(), sep="\n")
    if failure:
        print(f"FAILED: {failure}")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
