"""Owners: the teams that events belong to, their organizations (the tenants) and their members."""

import unicodedata
import uuid
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

MAX_NAME = 100


def fault_of(name: str) -> str | None:
    """Return why `name` can't name an owner or a source, as the end of a sentence, or None if it can."""
    bare = name.strip()
    if not 1 <= len(bare) <= MAX_NAME:
        return f"must have 1 to {MAX_NAME} characters, not {len(bare)}"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in bare):
        return "must not contain control characters"
    return None


def validate_name(name: str) -> None:
    """Raise ValidationError for a name that `fault_of` rejects."""
    if fault := fault_of(name):
        raise ValidationError(f"A name {fault}.")


class Organization(models.Model):
    """A tenant: the account that is billed, holding owners, sources and keys."""

    slug = models.SlugField(unique=True, help_text="Slug, used in commands, URLs and event scopes.")
    name = models.CharField(max_length=100, help_text="Name shown to people.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Validation(models.TextChoices):
    """Strictness of validation."""

    LENIENT = "lenient", "Lenient: accept what can be stored, and count a warning"
    STRICT = "strict", "Strict: reject what the reference pipeline rejects"


class OverQuota(models.TextChoices):
    """Treatment of events beyond the monthly quota."""

    WARN = "warn", "Warn: accept them, and count a warning"
    MARK = "mark", "Mark: accept them, mark them as over quota, and count a warning"
    REFUSE = "refuse", "Refuse: respond with 429 until the month ends"


class OwnerQuerySet(models.QuerySet["Owner"]):
    """Filters of owners."""

    def named(self, name: str) -> Self:
        """Return owners with a name, compared as the unique constraint compares them."""
        return self.alias(lowered=Lower("name")).filter(lowered=Lower(models.Value(name.strip())))


class Owner(models.Model):
    """A team: events belong to it, cost is charged to it, people are members of it."""

    key = models.UUIDField(
        unique=True,
        default=uuid.uuid4,
        editable=False,
        help_text="Part of every event ID. It never changes, so retries are always recognized.",
    )
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="owners")
    name = models.CharField(
        max_length=MAX_NAME,
        validators=[validate_name],
        help_text="Unique in the organization, ignoring case.",
    )
    contact = models.EmailField(
        max_length=512,
        blank=True,
        help_text="Address that came with the owner's messages. Gets no mail until it is confirmed.",
    )
    validation = models.CharField(max_length=10, choices=Validation, default=Validation.LENIENT)
    monthly_quota = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Number of events accepted per calendar month (UTC). Empty: no limit.",
    )
    over_quota = models.CharField(
        max_length=10,
        choices=OverQuota,
        default=OverQuota.WARN,
        db_default=OverQuota.WARN.value,  # the previous release creates owners without it
        help_text="What happens to events beyond the quota.",
    )
    max_waiting_bytes = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Maximum bytes of requests waiting to be filed. Leave empty for the default.",
    )
    max_rejected_bytes = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Maximum bytes of rejected events. Leave empty for the default.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="owner_name_once")]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """A member's role."""

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
