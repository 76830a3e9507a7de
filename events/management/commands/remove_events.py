"""remove_events: remove whole weeks of events for good."""

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from events import removal
from events.accounts import audit
from events.lib.formatting import size_text
from events.partitioned.partitions import WEEK
from events.removal import Removed
from events.store.retention import weeks_before


class Command(BaseCommand):
    """Remove events by their time of occurrence."""

    help = (
        "Removes all weeks of events (Monday to Sunday, UTC) that end before a date, for good, with their"
        " sessions and rollups unless those are kept longer (REPORT_RETENTION_WEEKS, --keep-reports)."
        " Each week is one transaction. Usage and the audit trail record what was removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--before", type=_date, required=True, help="A date in UTC, such as 2026-01-31.")
        reports = parser.add_mutually_exclusive_group()
        reports.add_argument(
            "--keep-reports", action="store_true", help="Keep sessions and the figures on report pages."
        )
        reports.add_argument(
            "--remove-reports",
            action="store_true",
            help="Remove sessions and figures too, whatever REPORT_RETENTION_WEEKS says.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would be removed, and remove nothing."
        )
        parser.add_argument("--yes", action="store_true", help="Don't ask for confirmation.")

    def handle(
        self,
        *_: object,
        before: datetime,
        keep_reports: bool,
        remove_reports: bool,
        dry_run: bool,
        yes: bool,
        **__: object,
    ) -> None:
        now = timezone.now()
        if before + WEEK > now:
            raise CommandError("Events of the last seven days can't be removed. Choose an earlier date.")
        keep = True if keep_reports else False if remove_reports else None
        weeks = _bar(weeks_before(before), "Counting")
        found = [removal.preview(week) for week in weeks]
        said = f"{_said(found)} in {len(found)} weeks before {before:%Y-%m-%d}"
        if dry_run or not found:
            for each in found:
                self.stdout.write(f"{removal.title(each.week)}: {_said([each])}")
            self.stdout.write(f"{said} would be removed. {_reports(found, keep, now)}".rstrip())
            return
        if not yes:
            self._confirm(found, f"{said} will be removed for good. {_reports(found, keep, now)}")
        removed: list[Removed] = []
        for week in _bar([each.week for each in found], "Removing"):
            try:
                done = removal.remove_week(week, audit.command("remove_events"), now, keep_reports=keep)
            except removal.Unfinished as error:
                raise CommandError(f"{error} {_said(removed)} were removed.") from error
            if done is None:
                raise CommandError(f"Another process is removing events. This one removed {_said(removed)}.")
            removed.append(done)
        sessions = sum(each.sessions for each in removed)
        self.stdout.write(f"Removed {_said(removed)} and {sessions} sessions of {len(removed)} weeks.")

    def _confirm(self, found: list[Removed], said: str) -> None:
        events = sum(each.events for each in found)
        self.stdout.write(said)
        if input(f"Type {events} to remove them: ").strip() != str(events):
            raise CommandError("Nothing was removed.")


def _reports(found: list[Removed], keep: bool | None, now: datetime) -> str:
    """Return what happens to their sessions and rollups."""
    kept = sum(removal.keeps_reports(each.week, now) if keep is None else keep for each in found)
    if not found or kept == len(found):
        return "Sessions and the figures of reports are kept." if found else ""
    if not kept:
        return "Their sessions and the figures of reports go with them."
    return f"Sessions and the figures of reports of the last {kept} weeks are kept."


def _bar(weeks: list[datetime], what: str) -> Any:
    return tqdm(weeks, desc=what, unit=" weeks", file=sys.stderr, disable=None)


def _said(found: list[Removed]) -> str:
    events, billed = sum(each.events for each in found), sum(each.billed_bytes for each in found)
    return f"{events} events ({size_text(billed)})"


def _date(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
