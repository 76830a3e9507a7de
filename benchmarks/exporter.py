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
    _made(operator, form, "session=nobody")  # what a worker does once
    began, before = time.perf_counter(), _cpu()
    job = _made(operator, form, "")
    seconds, cpu = time.perf_counter() - began, _cpu() - before
    peaks = [resource.getrusage(whose).ru_maxrss * 1024 / 1_000_000 for whose in _WHOSE]
    peak = max(peaks)
    print(json.dumps({"rows": job.rows, "bytes": job.bytes, "seconds": seconds, "cpu": cpu, "peak": peak}))
    job.path.unlink()


def _made(operator: User, form: str, query: str) -> ExportJob:
    ExportJob.objects.all().delete()
    assert jobs.request_export(operator, "events.event", form, query, f"bench.{form}", timezone.now())
    assert making.make_next()
    job = ExportJob.objects.get()
    assert job.state == State.DONE, job.reason
    return job


def _cpu() -> float:
    """The CPU time of this process and of the one that wrote Parquet."""
    used = map(resource.getrusage, _WHOSE)
    return sum(each.ru_utime + each.ru_stime for each in used)


_WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


if __name__ == "__main__":
    main(sys.argv[1])
