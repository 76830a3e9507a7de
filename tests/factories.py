"""What tests are about, made in one call."""

from django.contrib.auth.models import User

from events.ownership.owner import Membership, Owner, Role


def person(name: str, *owners: Owner, role: Role = Role.VIEWER, is_superuser: bool = False) -> User:
    """Somebody who may log in, a member of the owners given."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=is_superuser)
    for owner in owners:
        Membership.objects.create(user=user, owner=owner, role=role)
    return user
