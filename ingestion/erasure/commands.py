"""Options that the commands about an actor share."""

from django.core.management.base import CommandError, CommandParser

from events.ownership.owner import Owner
from ingestion.erasure.erasing import file_waiting


def add_arguments(parser: CommandParser) -> None:
    """Add the options that name an owner and an actor."""
    parser.add_argument("--owner", dest="name", required=True, help="Name of the owner, in any case.")
    parser.add_argument(
        "--organization",
        dest="slug",
        help="Slug of its organization, if several organizations have an owner with this name.",
    )
    parser.add_argument("--actor", required=True, help="ID of the actor, exactly as it was sent.")


def owner_of(name: str, slug: str | None) -> Owner:
    """Return the owner of that name. Raises CommandError."""
    owners = Owner.objects.named(name).select_related("organization")
    if slug:
        owners = owners.filter(organization__slug=slug)
    found = list(owners)
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"There is no owner {name!r}.")
    slugs = ", ".join(sorted(owner.organization.slug for owner in found))
    raise CommandError(f"Several organizations have an owner {name!r}: add --organization, one of {slugs}.")


def file_what_waits(owner: Owner) -> None:
    """File the waiting requests, which can't be searched. Raises CommandError if some keep waiting."""
    if waiting := file_waiting(owner):
        raise CommandError(f"{waiting} requests are being filed, or can't be filed; try again.")
