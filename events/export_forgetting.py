"""Erasure in exports: removes files that name the actor, and redacts their filters and searches."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db import models

from events.export_job import OPEN, ExportJob, cancel
from events.ownership.erased import Erased, forgets
from events.spreadsheets.xlsx_file import texts_in

REASON = "An actor was erased after this export was requested. Export the list again."


@forgets("exports")
def forget(erased: Erased, now: datetime) -> int:
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
        pieces: Iterable[bytes] = file
        if job.form == "xlsx":
            pieces = (text.encode("utf-8", "surrogatepass") for text in texts_in(file))
        return any(pattern.search(piece) for piece in pieces)
