"""import_events: file the events of exports, and of files that applications wrote while offline."""

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.utils import timezone
from tqdm import tqdm

from events.accounts import audit
from events.ownership.owner import Owner
from ingestion.importing import filing
from ingestion.importing.filing import Imported
from ingestion.importing.reading import Options, Read, Unreadable, opened, requests_in

SHOWN = 20  # refused events that are shown
PROGRESS_SECONDS = 3.0
LINE_SECONDS = 10.0  # between two lines of progress without a terminal


class Command(BaseCommand):
    """Import events."""

    help = (
        "Files the events of NDJSON exports and of files of Telemetry V3 (a batch or an event on each line,"
        " or one batch), compressed by gzip or not. IDs stay the same, so a file can be imported again, as"
        " after an interruption: events that are stored are skipped. Events that aren't accepted are"
        " reported, not stored as rejected. What is imported is charged in the month of its receipt, unless"
        " --no-charge makes its receipt free."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", metavar="FILE", type=Path, help="Files, in the order in which they are read."
        )
        parser.add_argument(
            "--owner",
            help="Name of the owner of all events. Default: the owner that a line of an export names.",
        )
        parser.add_argument(
            "--max-age",
            type=int,
            metavar="DAYS",
            help="How old an event of Telemetry V3 may be. Default: EVENT_MAX_AGE_DAYS.",
        )
        parser.add_argument(
            "--no-charge",
            action="store_true",
            help="Charge nothing for receiving these events. Storing them costs the same as other events.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Report the result, and store nothing.")

    def handle(
        self,
        *_: object,
        files: list[Path],
        owner: str | None,
        max_age: int | None,
        no_charge: bool,
        dry_run: bool,
        **__: object,
    ) -> None:
        if max_age is not None and not 1 <= max_age <= 36_500:
            raise CommandError("--max-age is a number of days from 1 to 36500.")
        owners = _Owners(_owner_named(owner) if owner is not None else None)
        options = Options(timezone.now(), keep_ids=owner is None, max_age_days=max_age)
        total = Imported()
        try:
            for path in files:
                self._import(path, owners, options, total, dry_run=dry_run, is_free=no_charge)
        finally:
            if total.stored and not dry_run:
                after: dict[str, object] = {
                    "stored": total.stored,
                    "known": total.known,
                    "refused": len(total.refused),
                }
                if no_charge:
                    after["no_charge"] = True
                names = ", ".join(path.name for path in files)
                audit.record(audit.command("import_events"), "events.imported", names, after=after)
        self.stdout.write(
            f"{total.stored:,} events {'would be ' if dry_run else ''}stored, {total.known:,} were stored"
            f" before, {len(total.refused):,} refused."
        )
        if total.refused:
            raise CommandError(f"{len(total.refused):,} events can't be imported.")

    def _import(
        self,
        path: Path,
        owners: "_Owners",
        options: Options,
        total: Imported,
        *,
        dry_run: bool,
        is_free: bool,
    ) -> None:
        try:
            content, file = opened(path)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        lines = _ProgressLines(path, self.stderr)
        with content, file, _bar(path) as bar:
            try:
                for block in filing.blocks(requests_in(content, options)):
                    done = filing.file_block(block, owners.of(block), dry_run=dry_run, is_free=is_free)
                    for line, fault in done.refused[: max(0, SHOWN - len(total.refused))]:
                        self.stderr.write(f"{path}, line {line}: {fault.code}: {fault.message}")
                    total.add(done)
                    bar.update(file.tell() - bar.n)
                    if bar.disable:
                        lines.note(file.tell(), total)
            except (Unreadable, OSError, EOFError) as error:
                raise CommandError(f"{path}: {error} {_SO_FAR}") from error


_SO_FAR = "What precedes it is stored; correct the file and import it again."


def _bar(path: Path) -> Any:
    return tqdm(
        total=path.stat().st_size,
        desc=path.name,
        unit="B",
        unit_scale=True,
        file=sys.stderr,
        maxinterval=PROGRESS_SECONDS,
        disable=None,
    )


class _ProgressLines:
    """Progress in lines, for logs: bars are for terminals."""

    def __init__(self, path: Path, out: OutputWrapper) -> None:
        self._path, self._out = path, out
        self._size = max(path.stat().st_size, 1)
        self._noted = time.monotonic()

    def note(self, position: int, total: Imported) -> None:
        """Write a line if the last one is some time ago."""
        if time.monotonic() - self._noted < LINE_SECONDS:
            return
        self._noted = time.monotonic()
        self._out.write(
            f"{self._path.name}: {position / self._size:.0%}, {total.stored:,} events stored,"
            f" {total.known:,} were stored before, {len(total.refused):,} refused."
        )
        self._out.flush()


class _Owners:
    """Owners by the name that lines have; one for all if the command names it."""

    def __init__(self, only: Owner | None) -> None:
        self._only = only
        self._known: dict[str, Owner] = {}

    def of(self, block: Iterable[Read]) -> Mapping[str, Owner]:
        """Return the owners of a block. Raises CommandError for an unknown one."""
        for each in block:
            if each.owner not in self._known:
                self._known[each.owner] = self._found(each)
        return self._known

    def _found(self, read: Read) -> Owner:
        if self._only is not None:
            return self._only
        if not read.owner:
            raise CommandError(f"Line {read.line} names no owner. Say whose events these are: --owner NAME.")
        return _owner_named(read.owner)


def _owner_named(name: str) -> Owner:
    found = list(Owner.objects.named(name).select_related("organization")[:2])
    if not found:
        raise CommandError(f"There is no owner named {name!r}. Create it, or name another with --owner.")
    if len(found) > 1:
        raise CommandError(f"Several organizations have an owner named {name!r}. Rename one for the import.")
    return found[0]
