"""Makes exports: a worker runs the query with the access of its person or key, and writes a file."""

import logging
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from io import BufferedWriter, FileIO
from pathlib import Path
from shutil import rmtree
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from rest_framework.exceptions import APIException

from events.exports.exported import EXPORTABLE, Exported, of_events
from events.exports.jobs import FOLDER_MODE, NO_ACCESS, OPEN, ExportJob, State
from events.exports.parquet_file import UnavailableError
from events.lib.formatting import size_text

log = logging.getLogger(__name__)
WORKER_TIMEOUT = "2 minutes"  # without progress, after which its worker counts as dead
ATTEMPTS = 3
WORKER_DIED = "Its worker died three times. Try again, or choose a shorter period."
BUFFER = 1 << 16  # bytes
PROGRESS_SECONDS = 1.0  # between two notes of how far it is

_NEXT = """
UPDATE events_exportjob
SET state = 'running', attempts = attempts + 1, updated_at = now(), rows = 0, bytes = 0
WHERE id = (SELECT id FROM events_exportjob
            WHERE finished_at IS NULL AND (state = 'waiting' OR updated_at < now() - %s::interval)
            ORDER BY updated_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


class _StoppedError(Exception):
    """The export must stop, for the given reason."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


def make_next() -> bool:
    """Make the export that has waited longest. Returns False if none waits."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [WORKER_TIMEOUT])
        found = cursor.fetchone()
    if found is None:
        return False
    job = ExportJob.objects.select_related("user", "key").get(pk=found[0])
    _remove_earlier(job)
    try:
        if job.attempts > ATTEMPTS:
            raise _StoppedError(State.FAILED, WORKER_DIED)  # noqa: TRY301
        _make(job)
        with transaction.atomic():  # whoever cancels it waits
            if _finish(job, State.DONE, ""):
                job.unfinished.replace(job.path)
    except _StoppedError as stopped:
        _finish(job, stopped.state, stopped.reason)
    except UnavailableError as missing:
        _finish(job, State.FAILED, str(missing))
    except Exception:
        log.exception("An export can't be made", extra={"export": job.pk})
        _finish(job, State.FAILED, "The export failed. The operator can find the cause in the server's log.")
    finally:
        job.unfinished.unlink(missing_ok=True)
    return True


def _remove_earlier(job: ExportJob) -> None:
    """Remove what workers that died have left."""
    job.path.unlink(missing_ok=True)
    for left in job.path.parent.glob(f"{job.file}.*.part"):
        left.unlink(missing_ok=True)
    rmtree(job.temporary, ignore_errors=True)


def _make(job: ExportJob) -> None:
    folder = Path(settings.EXPORT_FOLDER)
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    exported = _exported(job)
    job.temporary.mkdir(mode=FOLDER_MODE)
    descriptor = os.open(job.unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        progress = _Progress(job, descriptor)
        with BufferedWriter(progress, BUFFER) as file:
            pages = _checked(job, exported.pages, file, progress)
            exported.write(job.form, pages, file, job.temporary)
            job.bytes = file.tell()
    finally:
        rmtree(job.temporary, ignore_errors=True)  # removed together with a stopped job


class _Progress(FileIO):
    """The file of an export.

    Records its progress and checks that it may continue, also while it is compressed.
    """

    def __init__(self, job: ExportJob, descriptor: int) -> None:
        super().__init__(descriptor, "wb")
        self._job = job
        self._noted = time.monotonic()

    def write(self, content: Any) -> int:
        """Write a buffer. Raises `_StoppedError`."""
        self.note()
        return super().write(content)

    def note(self) -> None:
        """Record the progress once in PROGRESS_SECONDS. Raises `_StoppedError`."""
        if time.monotonic() - self._noted < PROGRESS_SECONDS:
            return
        self._noted = time.monotonic()
        job = self._job
        # Rows of XLSX are counted before they are compressed.
        size = self.tell() + sum(each.stat().st_size for each in job.temporary.rglob("*"))
        if size > settings.EXPORT_MAX_BYTES:
            most = size_text(settings.EXPORT_MAX_BYTES)
            raise _StoppedError(
                State.FAILED, f"The file would be larger than {most}. Choose a shorter period."
            )
        open_ = ExportJob.objects.filter(pk=job.pk, state=State.RUNNING, attempts=job.attempts)
        if not open_.update(rows=job.rows, bytes=size, updated_at=timezone.now()):
            raise _StoppedError(State.CANCELLED, "")
        if not job.is_accessible:
            raise _StoppedError(State.CANCELLED, NO_ACCESS)


def _exported(job: ExportJob) -> Exported:
    """Return the rows of an export, with the current access of its reader. Raises `_StoppedError`."""
    if not job.is_accessible:
        raise _StoppedError(State.CANCELLED, NO_ACCESS)
    try:
        return _of_api(job) if job.what else _of_list(job)
    except (IncorrectLookupParameters, PermissionDenied, APIException) as error:
        raise _StoppedError(State.FAILED, "Its filters are no longer valid.") from error


def _of_api(job: ExportJob) -> Exported:
    return EXPORTABLE[job.what](job.access(), QueryDict(job.query))


def _of_list(job: ExportJob) -> Exported:
    """Return the rows of a list in the admin."""
    model_admin: Any = admin.site._registry[apps.get_model(job.model)]
    request = HttpRequest()
    request.method, request.GET = "GET", QueryDict(job.query)
    request.user = job.user or AnonymousUser()
    if not model_admin.has_view_permission(request):
        raise _StoppedError(State.CANCELLED, NO_ACCESS)
    listed = model_admin.get_changelist_instance(request)
    return of_events(model_admin.pairs(listed.event_query), model_admin.model)


def _checked(
    job: ExportJob, pages: Iterator[list[Any]], file: "BufferedWriter[Any]", progress: _Progress
) -> Iterator[list[Any]]:
    """Yield pages while the export is still wanted and allowed. Raises `_StoppedError`."""
    for page in pages:
        yield page
        job.rows += len(page)
        file.flush()
        progress.note()


def _finish(job: ExportJob, state: State, reason: str) -> bool:
    """Record the result. False if the export was cancelled, or started by another worker, meanwhile."""
    now = timezone.now()
    ended = ExportJob.objects.filter(pk=job.pk, state__in=OPEN, attempts=job.attempts).update(
        state=state,
        reason=reason,
        rows=job.rows,
        bytes=job.bytes,
        updated_at=now,
        finished_at=now,
        expires_at=now + timedelta(hours=settings.EXPORT_HOURS),
    )
    return bool(ended)
