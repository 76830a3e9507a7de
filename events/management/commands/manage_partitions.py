"""manage_partitions: create future weekly partitions, and list the existing ones."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from events.partitioned.partitions import (
    existing_partitions,
    make_partitions,
    partitioned_tables,
    weeks_ahead,
)


class Command(BaseCommand):
    """Make partitions ahead."""

    help = "Creates the partitions of this week and the coming weeks. Beat does the same every hour."

    def handle(self, *_: object, **__: object) -> None:
        made = make_partitions(weeks_ahead(timezone.now()))
        for name in made:
            self.stdout.write(f"made {name}")
        tables = len(partitioned_tables())
        self.stdout.write(
            f"{len(existing_partitions())} partitions of {tables} tables, {len(made)} of them new."
        )
