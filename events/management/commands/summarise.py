"""summarise: summarise the pending sessions, or all of them."""

import sys
import time

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from tqdm import tqdm

from events.management.lookups import owner_ids
from events.sessions import claiming
from events.sessions.summarising import Summarised, summarise_block, summarise_large
from events.store import retention

WAIT_SECONDS = 0.2  # between checks of sessions claimed by other workers


class Command(BaseCommand):
    """Summarise sessions."""

    help = "Computes the summaries of sessions with new events; with --all, of every session."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all", dest="everything", action="store_true", help="Recompute every session from its events."
        )
        parser.add_argument("--owner", help="Only owners with this name.")

    def handle(self, *_: object, everything: bool, owner: str | None, **__: object) -> None:
        now = timezone.now()
        owners = owner_ids(owner)
        if everything:
            if sealed := retention.sealed_until():
                self.stdout.write(
                    f"Sessions from before {sealed:%Y-%m-%d} stay as they are: their events were removed."
                )
            for _count in tqdm(
                claiming.requeue_all(owners), unit=" weeks", desc="Listing", file=sys.stderr, disable=None
            ):
                pass
        claiming.resume(now, owners)
        total = Summarised()
        waiting = claiming.pending_rows(owners)
        with tqdm(total=waiting, desc="Summarising", file=sys.stderr, disable=None) as bar:
            while claiming.has_pending(now, owners):
                block = summarise_block(now, owners)
                if not block.keys:
                    block = summarise_large(now, owners)
                if not block.keys:
                    time.sleep(WAIT_SECONDS)
                total += block
                bar.update(block.rows)
        left = claiming.pending_rows(owners)
        still = f"; {left} still pending." if left else "."
        self.stdout.write(f"{total.keys} sessions or devices summarised{still}")
