"""prepare: creates everything that must exist before the processes run. Existing data isn't changed."""

import os
from argparse import BooleanOptionalAction
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from events.partitioned.partitions import make_partitions, weeks_ahead
from events.sql.install import install
from telemetry_project import static_files
from telemetry_project.demo import first_start, home, welcome


class Command(BaseCommand):
    """Make partitions, views for SQL, static files and, at the first start, the demo's people."""

    requires_system_checks = ()

    help = (
        "Creates partitions for the coming weeks and the views for SQL, collects static files and, at the"
        " first start on the embedded database, creates the demo's users and key. `load_demo` then loads its"
        " events."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo",
            action=BooleanOptionalAction,
            help="Create or don't create the demo, regardless of the settings.",
        )
        parser.add_argument("--migrate", action="store_true", help="Migrate the database first if needed.")
        parser.add_argument(
            "--welcome",
            dest="welcome_file",
            metavar="FILE",
            help="Write the login instructions to this file, which only its owner can read.",
        )

    def handle(
        self, *_: object, demo: bool | None, migrate: bool, welcome_file: str | None, **__: object
    ) -> None:
        if migrate and (due := _migrations_due()):
            self.stdout.write(f"Applying {due} migrations")
            call_command("migrate", interactive=False, verbosity=0)
        now = timezone.now()
        make_partitions(weeks_ahead(now))
        for view in install():
            self.stderr.write(f"telemetry.{view} wasn't updated, because views of others depend on it.")
        if static_files.collect_if_older():
            self.stdout.write(f"Collected the static files into {settings.STATIC_ROOT}.")
        exposed = home.is_exposed(os.environ.get("HOST", ""), settings.BASE_URL)
        if first_start.is_wanted(demo):
            told = first_start.make(now, exposed=exposed)
        else:
            told = first_start.again(now, exposed=exposed)
        if welcome_file:
            home.write_privately(Path(welcome_file), welcome.text(told))
        elif told:
            self.stdout.write(welcome.text(told))


def _migrations_due() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
