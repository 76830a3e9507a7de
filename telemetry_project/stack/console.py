"""Lines on the terminal: time, process, text. Long steps print a line every few seconds."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

WIDTH = len("postgresql")
SILENCE_SECONDS = 2.5  # a step reports its progress after so long without a line

_lock = threading.Lock()
_printed = [time.monotonic()]  # when the last line was


def say(text: str, name: str = "tally") -> None:
    """Print a line."""
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    show(f"{now} {name:{WIDTH}} | {text}")


def show(text: str) -> None:
    """Print text unchanged, so that its lines can be copied."""
    with _lock:
        _printed[0] = time.monotonic()
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:
            hush()


def hush() -> None:
    """Discard all further output. Its reader has gone, and stopping in order matters more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def step(text: str, how_far: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Print that a step begins, its progress while nothing else is printed, and how long it took."""
    begun, ended = time.monotonic(), threading.Event()

    def report() -> None:
        while not ended.wait(0.25):
            if time.monotonic() - _printed[0] >= SILENCE_SECONDS:
                far = how_far()
                say(f"{text}: {time.monotonic() - begun:.0f} s{f', {far}' if far else ''} …")

    say(f"{text} …")
    heart = threading.Thread(target=report, daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()
    # A step that failed is reported by its error.
    say(f"{text}: done in {time.monotonic() - begun:.1f} s")


class StackError(Exception):
    """The stack can't continue. The text says why and what to do."""
