"""merge_sources: merge sources into another one, or undo that."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from events.accounts import audit
from events.ownership.source import Source
from events.store.sources import merge_sources, undo_merge


class Command(BaseCommand):
    """Merge sources."""

    help = (
        "Merges sources into another one. New events that name them are filed under it, and they no longer"
        " count towards the limit. Events filed earlier keep their source. --take-back undoes a merge."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sources(parser)
        target = parser.add_mutually_exclusive_group(required=True)
        target.add_argument("--into", help="Name of the source to merge them into.")
        target.add_argument("--take-back", action="store_true", help="Undo the merge of these sources.")

    def handle(self, *_: object, organization: str, names: list[str], into: str | None, **__: object) -> None:
        sources = sources_named(organization, names)
        by = audit.command("merge_sources")
        try:
            with transaction.atomic():
                if into is None:
                    undo_merge(sources)
                else:
                    merge_sources(sources, sources_named(organization, [into])[0])
                for source in sources:
                    action = "source.parted" if into is None else "source.merged"
                    after = {} if into is None else {"into": into}
                    audit.record(by, action, source, owner=source.owner, after=after)
        except ValidationError as error:
            raise CommandError(error.message) from error
        done = "are separate again" if into is None else f"are merged into {into}"
        self.stdout.write(f"{len(sources)} sources {done}.")


def add_sources(parser: CommandParser) -> None:
    """Add the arguments that name sources."""
    parser.add_argument("--organization", required=True, help="Slug of the organization.")
    parser.add_argument("names", nargs="+", metavar="SOURCE", help="Name of a source, in any case.")


def sources_named(organization: str, names: list[str]) -> list[Source]:
    """Return the sources with these names. Raises CommandError if one doesn't exist."""
    found = []
    for name in names:
        source = Source.objects.filter(organization__slug=organization, name__iexact=name.strip()).first()
        if source is None:
            raise CommandError(f"There is no source {name!r} in the organization {organization!r}.")
        found.append(source)
    return found
