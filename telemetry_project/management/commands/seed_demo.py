"""seed_demo: fill the demo's organization with realistic telemetry, sent through normal ingestion."""

import sys

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from tqdm import tqdm

from telemetry_project.demo import first_start, home, script, seeding
from telemetry_project.demo.rhythm import Period


class Command(BaseCommand):
    """Make demo data."""

    help = "Fills the organization `demo` with realistic sessions of all kinds and formats."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--events", type=int, default=first_start.EVENTS, help="About how many events to send."
        )
        parser.add_argument(
            "--days", type=int, default=first_start.DAYS, help="How many days the events span."
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=first_start.SEED,
            help="Random seed. The same seed and --until produce the same events.",
        )
        parser.add_argument("--until", help="End, such as 2026-11-20T12:00:00Z. Default: now.")
        parser.add_argument("--again", action="store_true", help="Add events even if the demo has some.")

    def handle(
        self, *_: object, events: int, days: int, seed: int, until: str | None, again: bool, **__: object
    ) -> None:
        end = parse_datetime(until) if until else timezone.now()
        if end is None or end.tzinfo is None:
            raise CommandError("--until must be a time with a time zone, such as 2026-11-20T12:00:00Z.")
        if events < 1 or days < 1:
            raise CommandError("--events and --days must be at least 1.")
        if home.has_data() and not again:
            self.stdout.write("The demo already has data, so nothing was added. --again adds more.")
            return
        posts = script.posts(seed, Period.before(end, days), events)
        total = sum(post.events for post in posts)
        with tqdm(total=total, desc="Demo data", unit=" events", file=sys.stderr, disable=None) as bar:
            counts = seeding.send(posts, bar.update)
        self.stdout.write(
            f"{len(posts)} requests of the demo: {counts.stored} events stored,"
            f" {counts.duplicates} duplicates, {counts.rejected} rejected."
        )
