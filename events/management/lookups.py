"""Look-ups of owners and organizations for options of commands. Unknown names end the command."""

from django.core.management.base import CommandError

from events.ownership.owner import Organization, Owner


def owner_ids(name: str | None) -> list[int] | None:
    """Return the ids of owners with a name, in all organizations; None, for all owners, without a name."""
    if name is None:
        return None
    found = list(Owner.objects.named(name).values_list("pk", flat=True))
    if not found:
        raise CommandError(f"There is no owner named {name!r}.")
    return found


def organization_of(slug: str) -> Organization:
    """Return the organization with a slug."""
    found = Organization.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no organization {slug}.")
    return found
