"""create_reader: create a database role that reads the views of some owners, and print how to connect."""

import os
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.utils import ProgrammingError
from psycopg.conninfo import make_conninfo

from events.accounts import audit
from events.ownership.owner import Owner
from events.sql import readers
from events.sql.install import install

WHERE = ("host", "port", "dbname")  # parameters of a connection
TRUSTING = (
    "The built-in PostgreSQL asks nobody for a password: whoever can open its socket can connect as any role,"
    " and only the user that Tally runs as can. For other people, use your own PostgreSQL (DATABASE_URL).\n"
)


class Command(BaseCommand):
    """Make an SQL reader."""

    help = (
        "Creates a database role that may read the views of the schema telemetry, restricted to some owners,"
        " and prints its password once. With --remove, removes it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="Name of the role, for instance analyst_web.")
        parser.add_argument(
            "--owner",
            action="append",
            default=[],
            help="Name of an owner whose rows it sees; may be repeated, and changes an existing reader.",
        )
        parser.add_argument(
            "--organization", help="Slug, where owners of several organizations share a name."
        )
        parser.add_argument(
            "--seconds", type=int, default=readers.SECONDS, help="Longest time of a statement, in seconds."
        )
        parser.add_argument("--remove", action="store_true", help="Remove the role and end its connections.")

    def handle(self, *_: object, **options: Any) -> None:
        role = options["role"]
        reader = readers.SqlReader.objects.filter(role=role).first()
        if options["remove"]:
            self._remove(role, reader)
            return
        owners = [self._owner(name, options["organization"]) for name in options["owner"]]
        if not owners:
            raise CommandError("Name at least one owner with --owner.")
        if not 1 <= options["seconds"] <= readers.MOST_SECONDS:
            raise CommandError(f"--seconds must be from 1 to {readers.MOST_SECONDS}.")
        if reader:
            self._change(reader, owners)
        else:
            self._create(role, owners, options["seconds"])

    def _owner(self, name: str, organization: str | None) -> Owner:
        found = Owner.objects.filter(name__iexact=name)
        if organization:
            found = found.filter(organization__slug=organization)
        owners = list(found[:2])
        if not owners:
            raise CommandError(f"There is no owner {name!r}.")
        if len(owners) > 1:
            raise CommandError(f"Several organizations have an owner {name!r}; add --organization.")
        return owners[0]

    def _create(self, role: str, owners: list[Owner], seconds: int) -> None:
        if problem := readers.problem_of_name(role):
            raise CommandError(problem)
        if readers.exists(role):
            raise CommandError(f"The database has a role {role} already that isn't a reader.")
        for view in install():
            self.stderr.write(f"telemetry.{view} wasn't updated, because other views depend on it.")
        password = secrets.token_urlsafe(24)
        ids = [owner.pk for owner in owners]
        try:
            reader = readers.create(role, password, ids, seconds)
        except ProgrammingError as error:
            raise CommandError(
                f"Tally's database role can't create roles ({str(error).strip().splitlines()[0]})."
                " ALTER ROLE … CREATEROLE allows it."
            ) from error
        self._note("reader.made", reader, after={"owners": ids, "seconds": seconds})
        self.stdout.write(f"Role:     {role}\nPassword: {password}\n")
        self.stdout.write(f"Sees:     {', '.join(owner.name for owner in owners)}\n")
        self.stdout.write(f"Connect:  psql {_address(role)}\n")
        self.stdout.write("The password isn't stored and won't be shown again.\n")
        if not os.environ.get("DATABASE_URL"):
            self.stdout.write(TRUSTING)

    def _change(self, reader: readers.SqlReader, owners: list[Owner]) -> None:
        before = {"owners": reader.owners}
        reader.owners = sorted(owner.pk for owner in owners)
        reader.save(update_fields=["owners"])
        self._note("reader.changed", reader, before=before, after={"owners": reader.owners})
        self.stdout.write(f"{reader.role} now sees {', '.join(owner.name for owner in owners)}.\n")

    def _remove(self, role: str, reader: readers.SqlReader | None) -> None:
        if reader is None:
            raise CommandError(f"There is no reader {role!r}.")
        before = {"owners": reader.owners}
        self._note("reader.removed", reader, before=before)
        readers.remove(reader)
        self.stdout.write(f"Removed {role}.\n")

    def _note(self, action: str, reader: readers.SqlReader, **states: Any) -> None:
        audit.record(audit.command("create_reader"), action, reader, **states)


def _address(role: str) -> str:
    given = connection.get_connection_params()
    return f'"{make_conninfo(**{name: given[name] for name in WHERE if given.get(name)}, user=role)}"'
