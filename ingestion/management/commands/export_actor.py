"""export_actor: export everything that is stored about an actor of an owner, as lines of JSON."""

import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from events.accounts import audit
from ingestion.erasure import actors, commands


class Command(BaseCommand):
    """Export an actor."""

    help = "Exports an actor's events, sessions and rejected events as NDJSON, for the person concerned."

    def add_arguments(self, parser: CommandParser) -> None:
        commands.add_arguments(parser)
        parser.add_argument("--output", type=Path, help="File to write to. Default: standard output.")

    def handle(
        self, *_: object, name: str, slug: str | None, actor: str, output: Path | None, **__: object
    ) -> None:
        owner = commands.owner_of(name, slug)
        commands.file_what_waits(owner)
        written: Counter[str] = Counter()
        try:
            with output.open("x", encoding="utf-8") if output else nullcontext(self.stdout) as file:
                for record in tqdm(
                    actors.records(owner, actor), unit=" records", file=sys.stderr, disable=None
                ):
                    file.write(actors.line(record) + "\n")
                    written[str(record["record"])] += 1
        finally:
            about = actors.fingerprint(owner, actor)
            audit.record(
                audit.command("export_actor"), "actor.exported", about, owner=owner, after=dict(written)
            )
        parts = ("event", "session", "rejected")
        counts = ", ".join(f"{written[part]} {part} records" for part in parts)
        self.stderr.write(f"{counts} written.")
