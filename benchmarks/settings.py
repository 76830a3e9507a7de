"""Tally's settings with the reference endpoint beside the real ones."""

from telemetry_project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE = [  # the no-op view passes the ordinary stack by, as ingest does
    "benchmarks.noop.NoopGate" if entry == "ingestion.gate.IngestGate" else entry
    for entry in MIDDLEWARE  # noqa: F405
]
