"""Makes one export of all events in a process of its own, as a worker would, and prints what it took."""

import json
import resource
import sys
import time

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  (after the environment is set)
from django.utils import timezone  # noqa: E402

from events.exports import jobs, making  # noqa: E402
from events.exports.jobs import ExportJob, State  # noqa: E402
from telemetry_project.celery import app  # noqa: E402


def main(form: str) -> None:
    """Make an export in a format."""
    app.loader.import_default_modules()
    operator, _ = User.objects.get_or_create(username="bench", is_superuser=True, is_staff=True)
    ExportJob.objects.all().delete()
    assert jobs.request_export(operator, "events.event", form, "", f"bench.{form}", timezone.now())
    began, before = time.perf_counter(), _cpu()
    assert making.make_next()
    seconds, cpu = time.perf_counter() - began, _cpu() - before
    job = ExportJob.objects.get()
    assert job.state == State.DONE, job.reason
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1_000_000
    print(json.dumps({"rows": job.rows, "bytes": job.bytes, "seconds": seconds, "cpu": cpu, "peak": peak}))
    job.path.unlink()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1])
