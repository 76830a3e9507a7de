"""Tally's settings with the reference endpoints beside the real ones."""

from telemetry_project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE = [  # the references pass the ordinary stack by, as ingest does
    "benchmarks.gate.ReferenceGate" if entry == "ingestion.receiving.gate.IngestGate" else entry
    for entry in MIDDLEWARE  # noqa: F405
]
