"""Factories for test data."""

from django.contrib.auth.models import User

from events.ownership.owner import Membership, Owner, Role


def person(name: str, *owners: Owner, role: Role = Role.VIEWER, is_superuser: bool = False) -> User:
    """Create a user who may log in and is a member of the given owners."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=is_superuser)
    for owner in owners:
        Membership.objects.create(user=user, owner=owner, role=role)
    return user
