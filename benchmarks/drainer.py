"""A drain process of the drain benchmark: at each line on its input it files what waits, then says so."""

import sys

import django

django.setup()

from ingestion.filing.drain import drain  # noqa: E402  (after Django is set up)
from telemetry_project.celery import collect_garbage_less_often  # noqa: E402

if __name__ == "__main__":
    collect_garbage_less_often()  # as a worker does
    for _ in sys.stdin:
        drain()
        print("filed", flush=True)
