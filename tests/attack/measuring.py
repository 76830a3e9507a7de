"""Measures what hostile bodies cost: CPU time and memory of acceptance and drain, each in a fresh process.

`python -m tests.attack.measuring [--again-above=SECONDS] [WORD…]` prints the figures; the words select bodies
by name. DATABASE_URL names the database, which is left unchanged. The figures don't include PostgreSQL's own
share. Summarising sessions is listed separately.
"""

import argparse
import gc
import json
import os
import re
import resource
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple

CPU_BUDGET = 0.5  # seconds, web and worker together
MEMORY_BUDGET = 64  # megabytes, web and worker together
AGAIN = 2  # repetitions for a body over the limit; the lowest result counts, as the machine may be busy
CLEAR_PEAK = "5"  # to /proc/self/clear_refs: resets the peak to the current resident size


class Cost(NamedTuple):
    """Cost of a body: sizes in bytes, CPU seconds, megabytes, and the response."""

    wire: int
    accept: float
    drain: float
    sessions: float
    megabytes: float
    status: int
    code: str
    filed: str

    @property
    def cpu(self) -> float:
        """CPU seconds of web and worker."""
        return self.accept + self.drain


def measure(body: Any) -> Cost:
    """Measure one body in a fork of this process, which is warmed up and has no open connections."""
    request = body.build()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                pipe.write(json.dumps(_in_child(request, body.strict)))
            ended = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(ended)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, ended = os.waitpid(child, 0)
    if ended:
        raise RuntimeError(f"{body.name}: the process ended with {ended}")
    return Cost(*json.loads(text))


def _in_child(request: Any, strict: bool) -> Cost:
    from django.db import transaction
    from django.test import Client
    from django.utils import timezone

    from events.ownership import provisioning
    from events.ownership.owner import Validation
    from events.sessions import summarising
    from ingestion.filing.drain import drain
    from telemetry_project import warming
    from tests.bad_input.exchange import Request, answer_of, send
    from tests.sending import SUNBIRD, Sender, log_event

    with transaction.atomic():
        made = provisioning.key(
            organization_slug="hostile",
            owner_name="Hostile",
            validation=Validation.STRICT if strict else Validation.LENIENT,
        )
        sender = Sender(made.key, made.text, Client())
        ordinary = Request(SUNBIRD, json.dumps({"events": [log_event("warm")]}).encode())
        send(sender, ordinary)
        drain()
        summarising.summarise_block(timezone.now())
        before = _resident()
        Path("/proc/self/clear_refs").write_text(CLEAR_PEAK)
        began = _cpu()
        response = send(sender, request)
        accepted = _cpu()
        warming.collect_garbage_less_often()  # from here on this process acts as a worker
        done = drain()
        drained = _cpu()
        peak = _peak()
        while summarising.summarise_block(timezone.now()).rows:
            pass
        summed = _cpu()
        answer = answer_of(request, response)
        transaction.set_rollback(True)
    size = max(len(request.body), len(request.query))
    filed = f"{done.stored}+{done.duplicates}+{done.rejected}"
    return Cost(
        size,
        accepted - began,
        drained - accepted,
        summed - drained,
        peak - before,
        answer.status,
        answer.code,
        filed,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident() -> float:
    return _kilobytes("VmRSS") / 1000


def _peak() -> float:
    return _kilobytes("VmHWM") / 1000


def _kilobytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def warm() -> None:
    """Import all code that handles a body, and close all connections."""
    import django

    django.setup()
    from django.core.handlers.wsgi import WSGIHandler
    from django.db import connections

    from telemetry_project import warming

    WSGIHandler()
    warming.warm_web()
    warming.warm_worker()
    connections.close_all()


def main(arguments: list[str]) -> None:
    """Print the cost of each body, one JSON list of name and cost per line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--again-above", type=float, default=CPU_BUDGET)
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args(arguments)
    warm()
    from tests.attack.hostile import BODIES

    gc.collect()
    gc.freeze()  # as telemetry_project/wsgi.py does; once, for all forks

    for body in BODIES:
        if asked.words and not any(word in body.name for word in asked.words):
            continue
        cost = measure(body)
        for _ in range(AGAIN):
            if cost.cpu <= asked.again_above:
                break
            cost = min(cost, measure(body), key=lambda each: each.cpu)
        print(json.dumps([body.name, cost]), flush=True)  # noqa: T201  (its output)


if __name__ == "__main__":
    main(sys.argv[1:])
