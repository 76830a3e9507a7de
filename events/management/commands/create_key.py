"""create_key: make an API key and what it needs; print it alone on the last line."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from events.accounts import audit
from events.ownership import provisioning
from events.ownership.api_key import ApiKey, KeyType
from events.ownership.owner import Validation

# What the audit trail keeps of a key: never its hash.
KEPT = ("name", "type", "prefix", "default_owner", "owners", "all_owners")


def _note(key: ApiKey, validation: str | None) -> None:
    """The key, and what it set of its owner, in the audit trail: in the transaction that makes them."""
    actor, owner = audit.command("create_key"), key.default_owner
    audit.record(actor, "key.made", key, owner=owner, after=audit.state(key, KEPT))
    if validation:
        audit.record(actor, "owner.changed", owner, owner=owner, after={"validation": validation})


class Command(BaseCommand):
    """Make an API key."""

    help = "Makes an API key, with its organization and owner where they are missing, and prints it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", required=True, help="Owner that events without one are filed under.")
        parser.add_argument("--organization", default="default", help="Slug; made when missing.")
        parser.add_argument("--type", choices=KeyType.values, default=KeyType.PUBLISHABLE)
        parser.add_argument(
            "--owners",
            default="",
            help="Owners it may write for: names with commas, or `all`, which may also create owners.",
        )
        parser.add_argument("--validation", choices=Validation.values, help="Sets the owner's validation.")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                made = provisioning.key(
                    organization_slug=options["organization"],
                    owner_name=options["owner"],
                    kind=KeyType(options["type"]),
                    owners=options["owners"],
                    validation=Validation(options["validation"]) if options["validation"] else None,
                )
                _note(made.key, options["validation"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        key = made.key
        self.stderr.write(
            f"{key.get_type_display()}. Files under {key.default_owner} of {key.organization}."
            " This is the only time it is shown:"
        )
        self.stdout.write(made.text)
