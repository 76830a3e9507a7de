"""Workers of several lanes from one command: `python -m telemetry_project.workers filing=2 mail=1`.

A lane is a queue with its own workers (docs/how-to/run-workers.md). The code is imported once and each lane
is a fork, so four lanes start about as fast as one and share most of its memory. A lane that ends by itself
is restarted; on a stop signal all lanes finish their tasks.
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from telemetry_project.celery import app

log = logging.getLogger(__name__)
OPTIONS = (
    *("--quiet", "worker", "--pool", "prefork", "--loglevel", "warning"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
RESTART_SECONDS = 1.0  # before a lane that ended by itself is restarted
NICE = 5  # of all lanes except filing, which comes first on a small machine
FILING = "filing"
_STOP = (signal.SIGTERM, signal.SIGINT)


def main(words: Sequence[str]) -> int:
    """Run lanes, each with its number of processes, until a stop signal."""
    try:
        layout = parse(words)
    except ValueError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    app.loader.import_default_modules()
    app.finalize()
    # Memory from before the fork stays shared until it is written to, which the garbage collector would do.
    gc.collect()
    gc.freeze()
    return _Lanes(layout).run()


def parse(words: Sequence[str]) -> dict[str, int]:
    """Parse the number of processes of each lane. Raises ValueError with a sentence."""
    known = sorted(app.amqp.queues)
    layout: dict[str, int] = {}
    for word in words:
        lane, _, number = word.partition("=")
        if lane not in known:
            raise ValueError(f"there is no lane {lane!r}: the lanes are {', '.join(known)}.")
        if not number.isdecimal() or int(number) < 1:
            raise ValueError(f"{word!r} must be a lane and its number of processes, such as {lane}=2.")
        layout[lane] = int(number)
    if not layout:
        raise ValueError(f"name at least one lane, such as {known[0]}=1: the lanes are {', '.join(known)}.")
    return layout


class _Lanes:
    """The lanes' processes, by process id."""

    def __init__(self, layout: dict[str, int]) -> None:
        self._layout = layout
        self._running: dict[int, str] = {}
        self._stopping = False
        # Only this process has the write end open, so lanes read the end of the pipe when this process dies.
        self._alive, self._lifeline = os.pipe()

    def run(self) -> int:
        """Run until a stop signal, and return 0 if all lanes then ended with success."""
        for number in _STOP:
            signal.signal(number, self._stop)
        for lane in self._layout:
            self._start(lane)
        failed = False
        while self._running:
            pid, status = os.wait()
            lane = self._running.pop(pid, "")
            if self._stopping:
                failed |= status != 0
            elif lane:
                log.error("The lane %s ended by itself and is restarted", lane)
                time.sleep(RESTART_SECONDS)
                if not self._stopping:
                    self._start(lane)
        return int(failed)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _start(self, lane: str) -> None:
        # A stop signal between the fork and the note of it would miss the lane.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
        pid = os.fork()
        if not pid:
            self._work(lane)
        self._running[pid] = lane
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)

    def _work(self, lane: str) -> NoReturn:
        """Run the worker of a lane in this forked process."""
        code = 0
        try:
            os.close(self._lifeline)
            for number in _STOP:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
            if lane != FILING:
                os.nice(NICE)
            threading.Thread(target=self._end_with_parent, name="parent", daemon=True).start()
            name = f"{lane}.{os.getppid()}@{socket.gethostname()}"
            processes = str(self._layout[lane])
            app.worker_main([*OPTIONS, "--queues", lane, "--concurrency", processes, "--hostname", name])
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except BaseException:  # nothing may propagate into the parent's code, which this process shares
            log.exception("The lane %s can't work", lane)
            code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _end_with_parent(self) -> None:
        """Ask this worker to stop once its parent has died for any reason."""
        os.read(self._alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
