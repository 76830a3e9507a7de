"""`python -m telemetry_project.stack` runs all of Tally on this machine until Ctrl-C."""

import os
import sys

from telemetry_project.stack.plan import plan_from
from telemetry_project.stack.supervise import main

if __name__ == "__main__":
    sys.exit(main(lambda: plan_from(os.environ)))
