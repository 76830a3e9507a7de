"""erase_actor: erase all events, sessions and rejected events of an actor of an owner."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from events.accounts import audit
from events.ownership.owner import Owner
from events.sessions import summarising, touching
from events.store import erasing
from events.store.removing import weeks
from ingestion import actor_commands, actors

SUMMARISE_SECONDS = 60.0


class Command(BaseCommand):
    """Erase an actor."""

    help = (
        "Erases the events, sessions and rejected events of an actor for good; they are counted as removed."
        " May be interrupted and run again. Stop the sender first: what is sent again is new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actor_commands.add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Say what there is; erase nothing.")
        parser.add_argument("--yes", action="store_true", help="Ask for no confirmation.")

    def handle(self, *_: Any, **options: Any) -> None:
        owner, actor = actor_commands.owner_of(options), str(options["actor"])
        actor_commands.file_what_waits(owner)
        found = _found(owner, actor)
        events, rejected = sum(found.values()), sum(1 for _ in actors.rejected_of(owner, actor))
        said = f"{events} events and {rejected} rejected events of this actor of {owner.name}"
        if options["dry_run"] or not events + rejected:
            self.stdout.write(f"{said}.")
            return
        if not options["yes"]:
            self.stdout.write(f"{said} will be gone for good.")
            if input(f"Type {events + rejected} to erase them: ").strip() != str(events + rejected):
                raise CommandError("Nothing is erased.")
        done = self._erase(owner, actor, found)
        self.stdout.write(f"Erased {done['events']} events and {done['rejected']} rejected events.")
        left = sum(1 for _ in actors.sessions_of(owner, actor))
        if left:
            self.stdout.write(f"{left} sessions are still to be summed up again: the worker does that.")

    def _erase(self, owner: Owner, actor: str, found: dict[Any, int]) -> dict[str, int]:
        now, by = timezone.now(), audit.command("erase_actor")
        done = {"events": 0, "rejected": 0}
        with tqdm(total=sum(found.values()), unit=" events", file=sys.stderr, disable=None) as bar:
            try:
                for week in found:
                    erased = erasing.erase_week(owner, actor, week, now)
                    done["events"] += erased
                    bar.update(erased)
                done["rejected"] = actors.erase_rejected(owner, actor, by.name, now)
            finally:
                # What is erased is noted, also where it breaks off.
                audit.record(by, "actor.erased", actors.fingerprint(owner, actor), owner=owner, after=done)
        touching.wake(now, [owner.pk])
        summarising.tick(seconds=SUMMARISE_SECONDS)
        return done


def _found(owner: Owner, actor: str) -> dict[Any, int]:
    """How many events each week has."""
    counts = {}
    for week in tqdm(weeks(), desc="Looking", unit=" weeks", file=sys.stderr, disable=None):
        with transaction.atomic():
            erasing.patiently()
            if count := erasing.of_actor(owner, actor, week).count():
                counts[week] = count
    return counts
