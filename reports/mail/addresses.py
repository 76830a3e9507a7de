"""Address: where mail may go. A person's, an owner's contact, which must prove itself, or a stranger's."""

import re
from datetime import datetime
from email.utils import getaddresses
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models.functions import Lower

from events.access import Access
from events.ownership.owner import Owner

CONFIRMATION = "confirmation"  # the one kind of mail that asks for the click
PAUSED_AFTER = 3  # permanent failures in a row
MAX_ADDRESS = 254  # RFC 5321, with the brackets around it
_MAILTO = re.compile(r"^mailto:", re.IGNORECASE)
_KEPT_AS = "_tally_access"


class Address(models.Model):
    """One address of a person, an owner, or an invited stranger. Only `refusal` says if mail may go there."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="person",
        help_text="Whose address it is.",
    )
    owner = models.ForeignKey(
        Owner,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose contact it is.",
    )
    address = models.CharField(max_length=MAX_ADDRESS, validators=[validate_email])
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The lead or operator who said that it is right.",
    )
    confirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a lead or operator said that it is right."
    )
    clicked_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody who reads its mail said yes."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="How often in a row its mail server refused it for good."
    )
    paused_at = models.DateTimeField(null=True, blank=True, help_text="Since when it gets no mail.")
    paused_why = models.TextField(blank=True, help_text="Why it gets no mail: what its mail server said.")
    unwanted = models.JSONField(
        default=list, blank=True, help_text="Kinds of mail that its reader has ended."
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
    def is_stood_for(self) -> bool:
        """True if the person who said that a contact is right still leads the owner: leads come and go."""
        by = self.confirmed_by
        if by is None or self.confirmed_at is None or self.owner_id is None:
            return False
        # Rows of a list share the person, and so what was read of them.
        access: Access = by.__dict__.setdefault(_KEPT_AS, Access(by))
        return access.leads(self.owner_id)

    @property
    def may_be_asked(self) -> bool:
        """True if a lead may ask the reader of a contact, for the first time or again."""
        return self.owner_id is not None and (self.clicked_at is None or not self.is_stood_for)

    def refusal(self, kind: str) -> str:
        """Why no mail of that kind may go there now, as a sentence; empty where it may."""
        return next((why for why, holds in REFUSALS if holds(self, kind)), "")

    @property
    def sentence(self) -> str:
        """How it stands with the address."""
        return self.refusal("") or "Mail may go there."


def _not_the_persons(address: Address) -> bool:
    return address.user is not None and address.user.email.lower() != address.address.lower()


# Each refuses where it holds; the first that does is said.
REFUSALS: tuple[tuple[str, Any], ...] = (
    (
        f"It is paused: its mail server refused it {PAUSED_AFTER} times for good.",
        lambda address, _: address.paused_at is not None,
    ),
    (
        "The account of the person is no longer active.",
        lambda address, _: address.user is not None and not address.user.is_active,
    ),
    (
        "It is no longer the person's address.",
        lambda address, _: _not_the_persons(address),
    ),
    (
        "It waits for a lead to confirm it.",
        lambda address, _: address.owner_id is not None and address.confirmed_at is None,
    ),
    (
        "The lead who asked its reader no longer leads the owner: another lead must ask again.",
        lambda address, _: address.owner_id is not None and not address.is_stood_for,
    ),
    (
        "It waits for its reader to follow the link in the mail that asks.",
        lambda address, kind: (
            address.owner_id is not None and address.clicked_at is None and kind != CONFIRMATION
        ),
    ),
    (
        "Its reader has ended this kind of mail.",
        lambda address, kind: kind in address.unwanted,
    ),
)


def of_person(user: Any) -> Address | None:
    """The address of a person, as it is written down now; None without one."""
    text = user.email.strip()
    if not text or len(text) > MAX_ADDRESS:
        return None
    found = Address.objects.filter(user=user, address__iexact=text).first()
    return found or Address.objects.get_or_create(user=user, address=text)[0]


def of_stranger(text: str) -> Address:
    """The address of somebody who is neither a member's nor a contact's, for an invitation."""
    found = Address.objects.filter(user=None, owner=None, address__iexact=text).first()
    return found or Address.objects.get_or_create(user=None, owner=None, address=text)[0]


def clicked(pk: int, text: str, at: datetime) -> Address | None:
    """Let the reader's yes count; None where the address is another by now, or no lead stands for it."""
    found = waiting(pk, text)
    if found is not None:
        Address.objects.filter(pk=pk, clicked_at__isnull=True).update(clicked_at=at)
    return found


def take_back(address: Address) -> None:
    """Let a contact's yes no longer count: it must be asked again, whatever leads switch on."""
    Address.objects.filter(pk=address.pk, owner__isnull=False).update(clicked_at=None)


def waiting(pk: int, text: str) -> Address | None:
    """The address that a reader may say yes for, or has: one that somebody who leads its owner stands for."""
    found = Address.objects.filter(pk=pk, address=text).select_related("owner", "confirmed_by").first()
    return found if found and found.is_stood_for else None


def stand_for(address: Address, by: Any, at: datetime) -> None:
    """Let who asks a reader again be the one who stands for the address. A yes to somebody else ends."""
    if address.may_be_asked:
        Address.objects.filter(pk=address.pk, clicked_at=address.clicked_at).update(
            confirmed_by=by, confirmed_at=at, clicked_at=None
        )


def mailbox_in(contact: str) -> str:
    """Return the address in a contact as people write it: with a name, `mailto:` or blanks around it.

    Raises ValidationError where there are several. One isn't checked.
    """
    found = [bare for _, bare in getaddresses([_MAILTO.sub("", contact.strip()).replace(";", ",")]) if bare]
    if len(found) > 1:
        raise ValidationError(f"Give one address, not {len(found)}: {', '.join(found)}.", code="several")
    return found[0] if found else contact.strip()


def failed_for_good(pk: int, answer: str, at: datetime) -> None:
    """Count a refusal for good; after three the address is paused."""
    Address.objects.filter(pk=pk).update(failures=models.F("failures") + 1)
    Address.objects.filter(pk=pk, failures__gte=PAUSED_AFTER, paused_at__isnull=True).update(
        paused_at=at, paused_why=answer
    )


def resume(pk: int) -> bool:
    """Let mail go there again; whether it was paused."""
    paused = Address.objects.filter(pk=pk, paused_at__isnull=False)
    return paused.update(paused_at=None, paused_why="", failures=0) == 1
