"""`python -m telemetry_project.stack`: all of Tally on this machine, until Ctrl-C."""

import os
import sys

from telemetry_project.stack.errors import StackError
from telemetry_project.stack.plan import plan_from
from telemetry_project.stack.speech import say
from telemetry_project.stack.supervise import run

if __name__ == "__main__":
    try:
        sys.exit(run(plan_from(os.environ)))
    except StackError as error:
        say(f"Error: {error}")
        sys.exit(1)
