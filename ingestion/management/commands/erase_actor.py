"""erase_actor: erase all that is kept of an actor of an owner."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from events.accounts import audit
from events.accounts.entry import AuditEntry
from events.ownership.owner import Owner
from ingestion import actor_commands, actors, erasure


class Command(BaseCommand):
    """Erase an actor."""

    help = (
        "Erases the events, sessions and rejected events of an actor for good, and what audit trail, mails"
        " and logs say of it. Events are counted as removed. May be interrupted and run again. Stop the"
        " sender first: what is sent again is new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actor_commands.add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Say what there is; erase nothing.")
        parser.add_argument("--yes", action="store_true", help="Ask for no confirmation.")

    def handle(self, *_: Any, **options: Any) -> None:
        owner, actor = actor_commands.owner_of(options), str(options["actor"])
        actor_commands.file_what_waits(owner)
        events = sum(erasure.found(owner, actor).values())
        rejected = sum(1 for _ in actors.rejected_of(owner, actor))
        said = f"{events} events and {rejected} rejected events of this actor of {owner.name}"
        if options["dry_run"]:
            self.stdout.write(f"{said}.")
            self._say_earlier(owner, actor)
            return
        if not options["yes"]:
            self.stdout.write(f"{said} will be gone for good, with what mails, logs and notes say of it.")
            if input(f"Type {events + rejected} to erase them: ").strip() != str(events + rejected):
                raise CommandError("Nothing is erased.")
        with tqdm(total=events, unit=" events", file=sys.stderr, disable=None) as bar:
            done = erasure.erase(owner, actor, audit.command("erase_actor"), timezone.now(), bar.update)
        self._say(done)
        if left := sum(1 for _ in actors.sessions_of(owner, actor)):
            self.stdout.write(f"{left} sessions are still to be summed up again: the worker does that.")
        if not done.is_whole:
            raise CommandError("More came in all the time: stop the sender, and run it again.")

    def _say(self, done: erasure.Done) -> None:
        self.stdout.write(f"Erased {done.events} events and {done.rejected} rejected events.")
        for what, count in done.others.items():
            self.stdout.write(f"Cleared {count} {what.replace('_', ' ')}.")

    def _say_earlier(self, owner: Owner, actor: str) -> None:
        """Answer whether this actor was erased before."""
        notes = AuditEntry.objects.filter(action="actor.erased", about=actors.fingerprint(owner, actor))
        for note in notes.order_by("pk"):
            self.stdout.write(f"Erased by {note.actor_name} at {note.at:%Y-%m-%d %H:%M} UTC: {note.after}.")
