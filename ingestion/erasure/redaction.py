"""Erasure in discarded events, replays and the servers' logs in the data folder."""

import mmap
import re
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models

from events.ownership.erased import Erased, forgets
from ingestion.rejected.discarding import DiscardedEvent
from ingestion.rejected.replay_jobs import ReplayJob


@forgets("discarded_events")
def forget_discarded(erased: Erased, _: datetime) -> int:
    """Redact the sender's own id and the reason of discarded events."""
    return _redact(DiscardedEvent.objects.filter(owner=erased.owner), ("client_event_id", "reason"), erased)


@forgets("replays")
def forget_replays(erased: Erased, _: datetime) -> int:
    """Redact the selection of replays."""
    return _redact(ReplayJob.objects.all(), ("sentence", "selection"), erased)


def _redact(rows: models.QuerySet[models.Model], fields: tuple[str, ...], erased: Erased) -> int:
    changed = 0
    for row in rows.only(*fields).iterator(2_000):
        redacted = {name: erased.redact_json(getattr(row, name)) for name in fields}
        if any(getattr(row, name) != value for name, value in redacted.items()):
            changed += rows.filter(pk=row.pk).update(**redacted)
    return changed


@forgets("log_files")
def forget_logs(erased: Erased, _: datetime) -> int:
    """Overwrite the actor in log files in place: PostgreSQL logs slow statements with their values."""
    pattern = _pattern(erased)
    folder = Path(settings.DATA) / "log"
    return sum(_overwrite(path, pattern) for path in sorted(folder.rglob("*")) if path.is_file())


def _pattern(erased: Erased) -> re.Pattern[bytes]:
    """Match distinctive names as words, others only as literals of statements."""
    words = [re.escape(form.encode()) for form in erased.forms(distinctive=True)]
    literals = [b"'%s'" % re.escape(form.encode()) for form in erased.forms(distinctive=False)]
    literals += [b"'%s'" % re.escape(name.replace("'", "''").encode()) for name in sorted(erased.own)]
    either = b"|".join([rb"(?<![0-9A-Za-z])(?:%s)(?![0-9A-Za-z])" % b"|".join(words)] * bool(words))
    flags = re.IGNORECASE if erased.any_case else 0
    return re.compile(b"|".join(filter(None, [either, *literals])), flags)


def _overwrite(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Overwrite matches with as many bytes, since a server keeps appending to the file."""
    with path.open("r+b") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0) as content:
            places = [found.span() for found in pattern.finditer(content)]
            for start, end in places:
                content[start:end] = b"*" * (end - start)
    return bool(places)
