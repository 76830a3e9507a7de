"""API keys: created and shown once, stored as a hash, found by their prefix.

A key reads `tally_pk_PREFIX_SECRET` (publishable) or `tally_sk_PREFIX_SECRET` (secret). The secret has 32
random bytes, so one round of SHA-256 is as good as a slow hash, and fast enough for every request.
"""

import hmac
import secrets
from collections.abc import Collection
from hashlib import sha256
from typing import NamedTuple, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from events.ownership.owner import Organization, Owner


class KeyType(models.TextChoices):
    """Type of a key: where it may be stored."""

    PUBLISHABLE = "publishable", "Publishable: may be visible in a browser, so it can only write"
    SECRET = "secret", "Secret: must stay on servers"


class Permission(models.TextChoices):
    """A permission of a key on its owners."""

    WRITE = "write", "Write: send events"
    READ = "read", "Read: use the read API"
    MANAGE = "manage", "Manage: administer its owners by API"


# Default permissions of a key.
USUAL = {KeyType.PUBLISHABLE: (Permission.WRITE,), KeyType.SECRET: (Permission.WRITE, Permission.READ)}
ONLY_WRITES = (
    "Anybody may see a publishable key, so it can only write. Create a secret key to read or to manage."
)
NO_PERSON = "A key with the permission manage acts for a person: say for whom."
OPEN_TO_ANYONE = (
    "Everybody who sees this publishable key could write events for every owner of the organization, and"
    " create owners up to the organization's limit. Make the key secret, or select its owners"
)

MARKS = {KeyType.PUBLISHABLE: "tally_pk_", KeyType.SECRET: "tally_sk_"}
PREFIX_LENGTH = 12  # characters after the mark


class KeyParts(NamedTuple):
    """A key as sent: the prefix to look it up by, and the whole to compare."""

    prefix: str
    whole: str


def parts_of(text: str) -> KeyParts | None:
    """Return the parts of a key; None for a text that isn't a key, which needs no query."""
    for mark in MARKS.values():
        if text.startswith(mark):
            prefix, _, secret = text[len(mark) :].partition("_")
            if len(prefix) == PREFIX_LENGTH and prefix.isascii() and prefix.isalnum() and secret:
                return KeyParts(prefix, text)
    return None


def hash_of(whole: str) -> str:
    """Return the stored hash of a key."""
    return sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Filters of keys."""

    def usable(self) -> Self:
        """Return keys that are neither revoked nor expired, and not of a deactivated person."""
        now = timezone.now()
        held = models.Q(user=None) | models.Q(user__is_active=True)
        return self.filter(held, revoked_at=None).exclude(expires_at__lte=now)


class ApiKey(models.Model):
    """A key of an organization: where its events go, and for which owners it may write."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100, blank=True, help_text="Purpose of the key.")
    type = models.CharField(max_length=12, choices=KeyType, default=KeyType.PUBLISHABLE)
    may_write = models.BooleanField(
        default=True, db_default=True, help_text="Whether the key may send events."
    )
    may_read = models.BooleanField(
        default=False, db_default=False, help_text="Whether the key may use the read API."
    )
    may_manage = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether the key may administer its owners by API, as far as its person may.",
    )
    prefix = models.CharField(max_length=PREFIX_LENGTH, unique=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)
    default_owner = models.ForeignKey(
        Owner,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Owner of events that don't name one.",
    )
    all_owners = models.BooleanField(
        default=False,
        help_text="Whether the key may write for every owner of the organization, and create owners.",
    )
    owners = models.ManyToManyField(
        Owner,
        blank=True,
        related_name="keys",
        help_text="Owners that the key may write for, in addition to the default one.",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        verbose_name="person",
        help_text="Person whose personal key it is. Empty for a key of the organization.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Person who created the key or took it over. The key is revoked when they leave its"
        " default owner.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    exposed_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When this secret key was first sent in a URL or over plain HTTP.",
    )
    last_used_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a request with this key was last accepted, or it last read from the API, to the"
        " minute. It is recorded when requests are filed, so waiting requests don't count yet.",
    )
    malformed = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Number of requests with this key whose body couldn't be parsed."
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(may_write=True) | models.Q(may_read=True) | models.Q(may_manage=True),
                name="key_may_something",
            ),
            models.CheckConstraint(
                condition=models.Q(may_read=False, may_manage=False) | models.Q(type=KeyType.SECRET),
                name="publishable_key_only_writes",
            ),
        ]

    def __str__(self) -> str:
        return f"{MARKS[KeyType(self.type)]}{self.prefix}…"

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """Its permissions."""
        return tuple(each for each in Permission if getattr(self, f"may_{each.value}"))

    @permissions.setter
    def permissions(self, chosen: Collection[str]) -> None:
        for each in Permission:
            setattr(self, f"may_{each.value}", each in chosen)

    @property
    def person(self) -> User | None:
        """The person whose personal key it is, or who created it: it manages no more than they may."""
        return self.user or self.created_by

    def matches(self, whole: str) -> bool:
        """True if `whole` is this key, in constant time."""
        return hmac.compare_digest(self.hash, hash_of(whole))


def new_key(kind: KeyType) -> KeyParts:
    """Create a random key."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    prefix = "".join(secrets.choice(alphabet) for _ in range(PREFIX_LENGTH))
    return KeyParts(prefix, f"{MARKS[kind]}{prefix}_{secrets.token_hex(32)}")


def create_key(
    owner: Owner,
    *,
    kind: KeyType = KeyType.PUBLISHABLE,
    permissions: Collection[Permission] | None = None,
    all_owners: bool = False,
    name: str = "",
    created_by: int | None = None,
) -> tuple[ApiKey, str]:
    """Create a key for `owner`. Returns it with its text, which is shown once.

    `created_by` is the key of a person. Raises ValidationError for a publishable key that would do more than
    write, and for a key that would manage for nobody.
    """
    key = ApiKey(name=name, type=kind, default_owner=owner, all_owners=all_owners, created_by_id=created_by)
    key.permissions = permissions or USUAL[kind]
    if kind == KeyType.PUBLISHABLE and key.permissions != (Permission.WRITE,):
        raise ValidationError(ONLY_WRITES)
    if key.may_manage and created_by is None:
        raise ValidationError(NO_PERSON)
    text = give_text(key)
    key.save()
    return key, text


def give_text(key: ApiKey) -> str:
    """Give a key that is about to be created its organization and a random text, which is returned."""
    parts = new_key(KeyType(key.type))
    key.prefix, key.hash = parts.prefix, hash_of(parts.whole)
    key.organization_id = key.default_owner.organization_id
    return parts.whole
