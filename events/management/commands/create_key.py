"""create_key: create an API key, with its owner if needed, and print it alone on the last line."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from events.accounts import audit
from events.ownership import provisioning
from events.ownership.api_key import OPEN_TO_ANYONE, ApiKey, KeyType, Permission
from events.ownership.owner import Validation

# Fields of a key in the audit trail, without its hash.
KEPT = (
    *("name", "type", "may_write", "may_read", "may_manage", "prefix"),
    *("default_owner", "owners", "all_owners", "created_by"),
)


def _note(key: ApiKey, validation: str | None) -> None:
    """Record the key and the changed settings of its owner in the audit trail, in the same transaction."""
    actor, owner = audit.command("create_key"), key.default_owner
    audit.record(actor, "key.made", key, owner=owner, after=audit.state(key, KEPT))
    if validation:
        audit.record(actor, "owner.changed", owner, owner=owner, after={"validation": validation})


def _permissions(text: str) -> list[Permission]:
    """Return the permissions of a text. Raises CommandError for others."""
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in Permission.values]:
        known = ", ".join(Permission.values)
        raise CommandError(f"There is no permission {unknown[0]!r}. Use {known}, separated by commas.")
    return [Permission(name) for name in names]


class Command(BaseCommand):
    """Make an API key."""

    help = "Creates an API key, with its organization and owner if they don't exist yet, and prints it once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", required=True, help="Owner of events that don't name one.")
        parser.add_argument(
            "--organization",
            default="default",
            help="Slug of the organization, which is created if it doesn't exist.",
        )
        parser.add_argument("--type", dest="kind", choices=KeyType.values, default=KeyType.PUBLISHABLE)
        parser.add_argument(
            "--permissions",
            help="What the key may do: `write`, `read` and `manage`, separated by commas. By default,"
            " publishable keys write, and secret keys write and read.",
        )
        parser.add_argument(
            "--person",
            default="",
            help="Username of the person who creates the key. Required for `manage`: such a key administers"
            " its owners as far as this person may, and ends with their membership.",
        )
        parser.add_argument(
            "--owners",
            default="",
            help="Other owners that the key may write for and read: names separated by commas (created if"
            " missing), or `all`, which also lets the key create owners.",
        )
        parser.add_argument(
            "--open-to-anyone",
            action="store_true",
            help="Required for a publishable key with `--owners all`: everybody who sees it can write for"
            " every owner of the organization and create owners.",
        )
        parser.add_argument("--validation", choices=Validation.values, help="Sets the owner's validation.")

    def handle(
        self,
        *_: object,
        owner: str,
        organization: str,
        kind: str,
        permissions: str | None,
        person: str,
        owners: str,
        open_to_anyone: bool,
        validation: str | None,
        **__: object,
    ) -> None:
        is_open = kind == KeyType.PUBLISHABLE and owners == provisioning.ALL
        if is_open and not open_to_anyone:
            raise CommandError(f"{OPEN_TO_ANYONE}, or add --open-to-anyone if that is what you want.")
        by = User.objects.filter(username=person, is_active=True).first() if person else None
        if person and by is None:
            raise CommandError(f"No active account has the username {person}.")
        try:
            with transaction.atomic():
                made = provisioning.key(
                    organization_slug=organization,
                    owner_name=owner,
                    kind=KeyType(kind),
                    permissions=_permissions(permissions) if permissions else None,
                    owners=owners,
                    validation=Validation(validation) if validation else None,
                    created_by=by.pk if by else None,
                )
                _note(made.key, validation)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        key = made.key
        self.stderr.write(
            f"{key.get_type_display()}. Permissions: {', '.join(key.permissions)}."
            f" Files under {key.default_owner} of {key.organization}."
            " This is the only time it is shown:"
        )
        self.stdout.write(made.text)
