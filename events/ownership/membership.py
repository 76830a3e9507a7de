"""Membership: what a person may see and do with an owner."""

from django.conf import settings
from django.db import models

from events.ownership.owner import Owner


class Role(models.TextChoices):
    """What a member may do."""

    VIEWER = "viewer", "Viewer: sees events, sessions and reports"
    LEAD = "lead", "Lead: also manages members, keys and settings"


class Membership(models.Model):
    """One person's role in one owner."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", verbose_name="person"
    )
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "owner"], name="one_membership_per_owner")]

    def __str__(self) -> str:
        return f"{self.user}, {self.role} of {self.owner}"
