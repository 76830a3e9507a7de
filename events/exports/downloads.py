"""Downloads of finished exports."""

from datetime import datetime
from typing import IO

from django.http import FileResponse

from events.exports import jobs
from events.exports.formats import EXPORT_FORMATS
from events.exports.jobs import ExportJob, State


class Download(FileResponse):
    """A file on disk, which the front server sends on a separate thread."""

    def __init__(self, job: ExportJob, file: IO[bytes]) -> None:
        super().__init__(
            file, as_attachment=True, filename=job.name, content_type=EXPORT_FORMATS[job.form].type
        )
        self.ready_file = file
        self.headers["Cache-Control"] = "private, no-store"


def of(job: ExportJob, now: datetime) -> Download | None:
    """Return the file of an export; None if it isn't ready, has expired, or its reader has lost access."""
    if job.state != State.DONE or job.expires_at is None or job.expires_at <= now:
        return None
    if not job.is_accessible:
        jobs.cancel(job, jobs.NO_ACCESS, now)
        return None
    try:
        file = job.path.open("rb")
    except FileNotFoundError:  # removed a moment ago
        return None
    return Download(job, file)
