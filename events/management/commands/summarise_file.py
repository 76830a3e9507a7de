"""summarise_file: summarise the sessions in a file of V3 events, without a database."""

import json
import sys
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from events.sessions.file import Sessions


class Command(BaseCommand):
    """Summarise a file."""

    help = "Reads V3 events, one per line, and prints a V3 SUMMARY event for each session, one per line."
    requires_system_checks: list[str] = []  # some of them ask the database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--session",
            metavar="FILE",
            required=True,
            help="File of events to summarise by session; - for standard input.",
        )

    def handle(self, *_: object, session: str, **__: object) -> None:
        if session == "-":
            bad = self._sum_up(sys.stdin.buffer)
        else:
            try:
                with Path(session).open("rb") as file:
                    bad = self._sum_up(file)
            except OSError as error:
                raise CommandError(f"{session} can't be read: {error.strerror}.") from error
        if bad:
            raise CommandError(f"{bad} lines aren't V3 events; the others were summarised.")

    def _sum_up(self, file: BinaryIO) -> int:
        sessions = Sessions()
        bad = 0
        for line in sessions.read(tqdm(file, unit=" lines", file=sys.stderr, disable=None)):
            bad += 1
            self.stderr.write(f"line {line.number}: {line.fault.code}: {line.fault.message}")
        for event in sessions.summaries():
            self.stdout.write(json.dumps(event, separators=(",", ":")))
        return bad
