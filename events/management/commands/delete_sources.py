"""delete_sources: delete sources, with their events where that is asked for."""

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from events.accounts import audit
from events.management.commands.merge_sources import add_sources, sources_named
from events.ownership.source import Source
from events.store import merging


class Command(BaseCommand):
    """Delete sources."""

    help = (
        "Deletes sources without events. --with-events removes their stored events first, for good; rejected"
        " events are discarded in the admin. Usage and charges keep their names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sources(parser)
        parser.add_argument("--with-events", action="store_true", help="Remove their stored events first.")
        parser.add_argument("--yes", action="store_true", help="Ask for no confirmation.")

    def handle(self, *_: Any, **options: Any) -> None:
        sources = sources_named(options["organization"], options["names"])
        if options["with_events"]:
            if not options["yes"]:
                self.stdout.write(f"All events of {len(sources)} sources will be gone for good.")
                if input(f"Type {len(sources)} to remove them: ").strip() != str(len(sources)):
                    raise CommandError("Nothing is removed.")
            for source in sources:
                self._remove_events(source)
        by = audit.command("delete_sources")
        try:
            with transaction.atomic():
                for source in sources:
                    audit.record(by, "source.removed", source, owner=source.owner)
                merging.delete(sources)
        except ValidationError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{len(sources)} sources are deleted.")

    def _remove_events(self, source: Source) -> None:
        """Remove the events of a source; what is gone is noted, also where it breaks off."""
        gone = 0
        try:
            with tqdm(desc=source.name, unit=" events", file=sys.stderr, disable=None) as bar:
                for count in merging.remove_events(source, timezone.now()):
                    gone += count
                    bar.update(count)
        finally:
            by = audit.command("delete_sources")
            audit.record(by, "events.removed", source, owner=source.owner, after={"events": gone})
        self.stdout.write(f"{source.name}: {gone} events removed.")
