"""Addresses of mail: of persons, of owners' contacts, which must confirm, and of invited strangers."""

import re
from collections.abc import Callable
from datetime import datetime
from email.utils import getaddresses

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models.functions import Lower

from events.access import Access
from events.ownership.owner import Owner

CONFIRMATION = "confirmation"  # the only kind of mail to an address that hasn't confirmed
PAUSED_AFTER = 3  # permanent failures in a row
MAX_ADDRESS = 254  # RFC 5321, with the brackets around it
_MAILTO = re.compile(r"^mailto:", re.IGNORECASE)
_ACCESS_CACHE = "_tally_access"


class Address(models.Model):
    """An address of a person, an owner's contact or an invited stranger.
    `suppression` says if it may get mail.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="person",
        help_text="Person whose address it is.",
    )
    owner = models.ForeignKey(
        Owner,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Owner whose contact it is.",
    )
    address = models.CharField(max_length=MAX_ADDRESS, validators=[validate_email])
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Lead or operator who vouched for the address.",
    )
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="Time at which a lead or operator vouched for the address."
    )
    clicked_at = models.DateTimeField(
        null=True, blank=True, help_text="Time at which the reader of the address gave consent."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="Number of consecutive permanent failures at its mail server."
    )
    paused_at = models.DateTimeField(null=True, blank=True, help_text="Time since which it gets no mail.")
    paused_why = models.TextField(blank=True, help_text="Why it gets no mail: the mail server's response.")
    unwanted = models.JSONField(
        default=list, blank=True, help_text="Kinds of mail that its reader has unsubscribed from."
    )

    class Meta:
        ordering = ["address"]
        verbose_name_plural = "addresses"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) | models.Q(owner__isnull=True),
                name="address_of_user_or_owner",
            ),
            models.UniqueConstraint(
                Lower("address"), condition=models.Q(user=None, owner=None), name="address_of_stranger_once"
            ),
            models.UniqueConstraint("user", Lower("address"), name="address_of_user_once"),
            models.UniqueConstraint("owner", Lower("address"), name="address_of_owner_once"),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def is_vouched_for(self) -> bool:
        """True if the lead who vouched for the contact still leads its owner."""
        by = self.confirmed_by
        if by is None or self.confirmed_at is None or self.owner_id is None:
            return False
        # Rows of a list share the person, and so the cached access.
        access: Access = by.__dict__.setdefault(_ACCESS_CACHE, Access(by))
        return access.leads(self.owner_id)

    @property
    def may_be_asked(self) -> bool:
        """True if a lead may ask a contact to confirm, for the first time or again."""
        return self.owner_id is not None and (self.clicked_at is None or not self.is_vouched_for)

    def suppression(self, kind: str) -> str:
        """Return why mail of a kind is suppressed, as a sentence, or an empty text."""
        return next((why for why, holds in SUPPRESSIONS if holds(self, kind)), "")

    @property
    def sentence(self) -> str:
        """The status of the address, as a sentence."""
        return self.suppression("") or "This address gets mail."


def _is_outdated(address: Address) -> bool:
    return address.user is not None and address.user.email.lower() != address.address.lower()


# The first reason that applies is given.
SUPPRESSIONS: tuple[tuple[str, Callable[["Address", str], bool]], ...] = (
    (
        f"It is paused: its mail server rejected it permanently {PAUSED_AFTER} times.",
        lambda address, _: address.paused_at is not None,
    ),
    (
        "The person's account is no longer active.",
        lambda address, _: address.user is not None and not address.user.is_active,
    ),
    (
        "It is no longer the person's address.",
        lambda address, _: _is_outdated(address),
    ),
    (
        "A lead must confirm it first.",
        lambda address, _: address.owner_id is not None and address.confirmed_at is None,
    ),
    (
        "The lead who vouched for it no longer leads the owner. Another lead must ask for confirmation.",
        lambda address, _: address.owner_id is not None and not address.is_vouched_for,
    ),
    (
        "Its reader hasn't confirmed it yet through the link in the mail.",
        lambda address, kind: (
            address.owner_id is not None and address.clicked_at is None and kind != CONFIRMATION
        ),
    ),
    (
        "It is unsubscribed from this kind of mail.",
        lambda address, kind: kind in address.unwanted,
    ),
)


def of_person(user: User) -> Address | None:
    """Return the current address of a person, or None."""
    text = user.email.strip()
    if not text or len(text) > MAX_ADDRESS:
        return None
    found = Address.objects.filter(user=user, address__iexact=text).first()
    return found or Address.objects.get_or_create(user=user, address=text)[0]


def of_stranger(text: str) -> Address:
    """Return the address of an invited stranger."""
    found = Address.objects.filter(user=None, owner=None, address__iexact=text).first()
    return found or Address.objects.get_or_create(user=None, owner=None, address=text)[0]


def confirm(pk: int, text: str, at: datetime) -> Address | None:
    """Confirm an address. None if it has changed, or no lead vouches for it any more."""
    found = find_confirmable(pk, text)
    if found is not None:
        Address.objects.filter(pk=pk, clicked_at__isnull=True).update(clicked_at=at)
    return found


def revoke_confirmation(address: Address) -> None:
    """Revoke a contact's confirmation: it gets no mail until it confirms again."""
    Address.objects.filter(pk=address.pk, owner__isnull=False).update(clicked_at=None)


def find_confirmable(pk: int, text: str) -> Address | None:
    """Return an address that may be confirmed, or has been: a current lead vouches for it."""
    found = Address.objects.filter(pk=pk, address=text).select_related("owner", "confirmed_by").first()
    return found if found and found.is_vouched_for else None


def vouch_for(address: Address, by: User, at: datetime) -> None:
    """Make a lead vouch for an address. A confirmation given to another lead ends."""
    if address.may_be_asked:
        Address.objects.filter(pk=address.pk, clicked_at=address.clicked_at).update(
            confirmed_by=by, confirmed_at=at, clicked_at=None
        )


def mailbox_in(contact: str) -> str:
    """Return the address in a contact, without a name, `mailto:` or blanks around it.

    Raises ValidationError if there are several. The address itself isn't validated.
    """
    found = [bare for _, bare in getaddresses([_MAILTO.sub("", contact.strip()).replace(";", ",")]) if bare]
    if len(found) > 1:
        raise ValidationError(f"Enter one address, not {len(found)}: {', '.join(found)}.", code="several")
    return found[0] if found else contact.strip()


def count_permanent_failure(pk: int, answer: str, at: datetime) -> None:
    """Count a permanent failure. After three in a row the address is paused."""
    Address.objects.filter(pk=pk).update(failures=models.F("failures") + 1)
    Address.objects.filter(pk=pk, failures__gte=PAUSED_AFTER, paused_at__isnull=True).update(
        paused_at=at, paused_why=answer
    )


def resume(pk: int) -> bool:
    """Resume mail to a paused address; False if it wasn't paused."""
    paused = Address.objects.filter(pk=pk, paused_at__isnull=False)
    return paused.update(paused_at=None, paused_why="", failures=0) == 1
