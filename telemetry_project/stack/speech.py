"""What the supervisor says on the terminal, in the form that honcho gives to the processes' lines."""

import os
import sys
from datetime import datetime

_WIDTH = len("system")


def say(text: str) -> None:
    """Print a line."""
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    try:
        sys.stdout.write(f"{now} {'tally':{_WIDTH}} | {text}\n")
        sys.stdout.flush()
    except OSError:
        hush()


def hush() -> None:
    """Send all further output nowhere: who read it has gone, and stopping in order matters more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
