"""Export jobs: exports that are too large for one request. A worker writes each to a file."""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.core import signing
from django.db import models, transaction

from events.access import Access, KeyUser, Person
from events.lib.janitors import janitor
from events.lib.row_lock import lock
from events.ownership.api_key import ApiKey
from events.ownership.erased import Erased, forgets
from events.spreadsheets.xlsx_file import texts_in
from events.store.plain_rows import PlainPair

SMALL_ROWS = 5_000  # most rows that are sent at once
SMALL_SECONDS = 5.0  # most time to find them
MOST_OPEN = 3  # unfinished exports of one person or key
SALT = "export"
NO_ACCESS = "Access to some of its owners has ended."
FOLDER_MODE = 0o700  # nobody else on the machine reads exports


class State(models.TextChoices):
    """State of an export."""

    WAITING = "waiting", "Waiting for a worker"
    RUNNING = "running", "Being made"
    DONE = "done", "Ready"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


OPEN = (State.WAITING, State.RUNNING)


class ExportJob(models.Model):
    """One row per export: who requested it, the query and the progress. Its file is removed on expiry."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        help_text="Person who requested the export.",
    )
    key = models.ForeignKey(
        ApiKey,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        help_text="API key that requested the export.",
    )
    model = models.TextField(default="", help_text="Label of the model whose list in the admin is exported.")
    what = models.TextField(
        default="", help_text="What an export by API has, such as events, sessions or charges."
    )
    form = models.TextField(help_text="Format: csv, xlsx, ndjson or parquet.")
    query = models.TextField(help_text="Filters and search, as in a query string of the list or of the API.")
    owners = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="IDs of the owners that were visible at the time. Empty for an operator, who sees all.",
    )
    name = models.TextField(help_text="File name of the download.")
    file = models.TextField(help_text="Name of the file in EXPORT_FOLDER.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    reason = models.TextField(default="", help_text="Why it was cancelled or failed.")
    rows = models.BigIntegerField(default=0, help_text="Rows written so far.")
    bytes = models.BigIntegerField(default=0, help_text="Size of the file so far, in bytes.")
    attempts = models.SmallIntegerField(default=0, help_text="How many times a worker has started it.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="When a worker last updated it.")
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="Time at which its file is removed.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "export"
        indexes = [
            models.Index(
                fields=["updated_at"], name="export_open", condition=models.Q(finished_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """The path of the file."""
        return Path(settings.EXPORT_FOLDER) / self.file

    @property
    def unfinished(self) -> Path:
        """The file of this attempt until it is complete. A worker that only seemed dead has another one."""
        return self.path.with_name(f"{self.file}.{self.attempts}.part")

    @property
    def temporary(self) -> Path:
        """The folder of the rows of an XLSX file until they are compressed."""
        return self.path.with_suffix(".rows")

    def access(self) -> Access:
        """Return what its person or key may see now."""
        if self.user_id is not None:
            return Access(User.objects.get(pk=self.user_id))
        return Access.of_key(self.key)

    @property
    def is_accessible(self) -> bool:
        """True if its person or key still sees every owner whose events may be in it."""
        access = self.access()
        if access.is_operator:
            return True
        return not access.is_empty and self.owners is not None and access.owner_ids.issuperset(self.owners)

    def token(self) -> str:
        """Return a signed token for the download link. It is valid until the export expires."""
        return signing.dumps({"export": self.pk}, salt=SALT)


def small_export(
    pages: Iterator[list[PlainPair]], clock: Callable[[], float]
) -> list[list[PlainPair]] | None:
    """Return the pages of a small export, or None for too many rows or too slow a query."""
    until, rows = clock() + SMALL_SECONDS, 0
    found: list[list[PlainPair]] = []
    for page in pages:
        found.append(page)
        rows += len(page)
        if rows > SMALL_ROWS or clock() > until:
            return None
    return found


def of_reader(reader: Person) -> models.QuerySet[ExportJob]:
    """Return the exports of a person or a key."""
    if isinstance(reader, KeyUser):
        return ExportJob.objects.filter(key=reader.key)
    return ExportJob.objects.filter(user_id=reader.pk) if reader.pk else ExportJob.objects.none()


@transaction.atomic
def request_export(
    reader: Person, model: str, form: str, query: str, name: str, now: datetime, *, what: str = ""
) -> ExportJob | None:
    """Create an export, which a worker starts within seconds. None if the reader has too many open ones."""
    lock(reader.key if isinstance(reader, KeyUser) else User(pk=reader.pk))  # the limit is exact
    if of_reader(reader).filter(state__in=OPEN).count() >= MOST_OPEN:
        return None
    access = Access(reader)
    job: ExportJob = ExportJob.objects.create(
        user_id=reader.pk,
        key=reader.key if isinstance(reader, KeyUser) else None,
        model=model,
        what=what,
        form=form,
        query=query,
        owners=None if access.is_operator else sorted(access.owner_ids),
        name=name,
        file=f"{secrets.token_hex(16)}.{form}",
        created_at=now,
        updated_at=now,
    )
    return job


def job_id_of(token: str) -> int | None:
    """Return the id of the export in a signed token, or None if the signature is invalid."""
    try:
        found: int = signing.loads(token, salt=SALT)["export"]
    except (signing.BadSignature, KeyError, TypeError):
        return None
    return found


def cancel(job: ExportJob, reason: str, now: datetime) -> bool:
    """Cancel an export and remove its file; finished ones too. False if it was cancelled or failed before."""
    states = (*OPEN, State.DONE)
    changed = ExportJob.objects.filter(pk=job.pk, state__in=states).update(
        state=State.CANCELLED, reason=reason, finished_at=now, updated_at=now, expires_at=now
    )
    job.path.unlink(missing_ok=True)
    return bool(changed)


@janitor("exports")
def remove_expired(now: datetime) -> int:
    """Remove expired exports, and files without an export. Returns the number of exports."""
    gone = ExportJob.objects.filter(expires_at__lte=now)
    for job in gone:
        job.path.unlink(missing_ok=True)
        rmtree(job.temporary, ignore_errors=True)
    count, _ = gone.delete()
    folder = Path(settings.EXPORT_FOLDER)
    jobs = ExportJob.objects.only("file")
    known = {path.name for job in jobs for path in (job.path, job.temporary)}
    old = (now - timedelta(hours=1)).timestamp()
    for each in folder.iterdir() if folder.exists() else ():
        if each.name not in known and each.stat().st_mtime < old:
            rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
    return count


REASON = "An actor was erased after this export was requested. Export the list again."


@forgets("exports")
def erase_from_exports(erased: Erased, now: datetime) -> int:
    """Cancel exports of the owner that are unfinished, or whose file or search names the actor."""
    of_owner = models.Q(owners=None) | models.Q(owners__contains=[erased.owner.pk])
    forms = [re.escape(form.encode("utf-8", "surrogatepass")) for form in erased.forms(distinctive=False)]
    pattern = re.compile(b"|".join(forms), re.IGNORECASE if erased.any_case else 0)
    changed = 0
    for job in ExportJob.objects.filter(of_owner).order_by("pk"):
        query = erased.redact(job.query, thoroughly=True)
        if job.state in OPEN or query != job.query or _names(job, pattern):
            cancel(job, REASON, now)
            ExportJob.objects.filter(pk=job.pk).update(query=query)
            changed += 1
    return changed


def _names(job: ExportJob, pattern: re.Pattern[bytes]) -> bool:
    if not job.path.exists():
        return False
    with job.path.open("rb") as file:
        if job.form == "parquet":
            return True  # compressed: better once too often
        pieces: Iterable[bytes] = file
        if job.form == "xlsx":
            pieces = (text.encode("utf-8", "surrogatepass") for text in texts_in(file))
        return any(pattern.search(piece) for piece in pieces)
