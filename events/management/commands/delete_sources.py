"""delete_sources: delete sources, optionally with their events."""

import sys

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from events.accounts import audit
from events.management.commands.merge_sources import add_sources, sources_named
from events.ownership.source import Source
from events.store.sources import delete_events, delete_sources


class Command(BaseCommand):
    """Delete sources."""

    help = (
        "Deletes sources without events. --with-events deletes their stored events first, for good. Discard"
        " their rejected events in the admin. Usage and charges keep the names of deleted sources."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sources(parser)
        parser.add_argument("--with-events", action="store_true", help="Delete their stored events first.")
        parser.add_argument("--yes", action="store_true", help="Don't ask for confirmation.")

    def handle(
        self, *_: object, organization: str, names: list[str], with_events: bool, yes: bool, **__: object
    ) -> None:
        sources = sources_named(organization, names)
        if with_events:
            if not yes:
                self.stdout.write(f"This deletes all events of {len(sources)} sources for good.")
                if input(f"Type {len(sources)} to delete them: ").strip() != str(len(sources)):
                    raise CommandError("Nothing was deleted.")
            for source in sources:
                self._remove_events(source)
        by = audit.command("delete_sources")
        try:
            with transaction.atomic():
                for source in sources:
                    audit.record(by, "source.removed", source, owner=source.owner)
                delete_sources(sources)
        except ValidationError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{len(sources)} sources deleted.")

    def _remove_events(self, source: Source) -> None:
        """Delete the events of a source, and record their number even if it is interrupted."""
        gone = 0
        try:
            with tqdm(desc=source.name, unit=" events", file=sys.stderr, disable=None) as bar:
                for count in delete_events(source, timezone.now()):
                    gone += count
                    bar.update(count)
        finally:
            by = audit.command("delete_sources")
            audit.record(by, "events.removed", source, owner=source.owner, after={"events": gone})
        self.stdout.write(f"{source.name}: {gone} events deleted.")
