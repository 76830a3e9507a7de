"""erase_actor: erase everything that is stored about an actor of an owner."""

import sys

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.ownership.owner import Owner
from ingestion.erasure import actors, commands, erasing


class Command(BaseCommand):
    """Erase an actor."""

    help = (
        "Erases an actor's events, sessions and rejected events for good, and all traces in the audit trail,"
        " mails, exports and logs. The events count as removed. The command can be interrupted and run again."
        " Stop the sender first: events that it sends again are stored as new ones."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        commands.add_arguments(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Print what would be erased, and earlier erasures of the actor.",
        )
        parser.add_argument("--yes", action="store_true", help="Don't ask for confirmation.")

    def handle(
        self,
        *_: object,
        name: str,
        slug: str | None,
        actor: str,
        dry_run: bool,
        yes: bool,
        **__: object,
    ) -> None:
        owner = commands.owner_of(name, slug)
        commands.file_what_waits(owner)
        events = sum(erasing.found(owner, actor).values())
        rejected = sum(1 for _ in actors.rejected_of(owner, actor))
        said = f"{events} events and {rejected} rejected events of this actor of {owner.name}"
        if dry_run:
            self.stdout.write(f"{said}.")
            self._say_earlier(owner, actor)
            return
        if not yes:
            self.stdout.write(
                f"This erases {said} for good, and all traces in the audit trail, mails, exports and logs."
            )
            if input(f"Type {events + rejected} to erase them: ").strip() != str(events + rejected):
                raise CommandError("Nothing was erased.")
        with tqdm(total=events, unit=" events", file=sys.stderr, disable=None) as bar:
            done = erasing.erase(owner, actor, audit.command("erase_actor"), timezone.now(), bar.update)
        self._say(done)
        if left := sum(1 for _ in actors.sessions_of(owner, actor)):
            self.stdout.write(f"{left} sessions are still being rebuilt by the worker.")
        if not done.is_complete:
            raise CommandError("Events kept arriving. Stop the sender, and run the command again.")

    def _say(self, done: erasing.Done) -> None:
        self.stdout.write(f"Erased {done.events} events and {done.rejected} rejected events.")
        for what, count in done.others.items():
            self.stdout.write(f"Cleared {count} {what.replace('_', ' ')}.")

    def _say_earlier(self, owner: Owner, actor: str) -> None:
        """Print earlier erasures of this actor."""
        notes = AuditEntry.objects.filter(action="actor.erased", about=actors.fingerprint(owner, actor))
        for note in notes.order_by("pk"):
            self.stdout.write(f"Erased by {note.actor_name} at {note.at:%Y-%m-%d %H:%M} UTC: {note.after}.")
