"""prepare: what a start needs before the processes run. Changes nothing that is there."""

from argparse import BooleanOptionalAction
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from events.partitions import make_partitions, weeks_ahead
from ingestion import static_files
from ingestion.demo import first_start, home


class Command(BaseCommand):
    """Make partitions, static files and, at the first start, the demo."""

    help = "Makes partitions ahead and static files; at the first start on a database of our own, the demo."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo",
            action=BooleanOptionalAction,
            help="Make the demo's data and users whatever the settings say, or don't.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        now = timezone.now()
        make_partitions(weeks_ahead(now))
        if static_files.collect_if_older():
            self.stdout.write(f"Collected the static files into {settings.STATIC_ROOT}.")
        if first_start.is_wanted(options["demo"]):
            first_start.make(now)
            self.stdout.write("The demo is ready.")
        elif settings.DEMO and home.exists():
            home.make_key()
