"""Invitations: people become members of an owner when they accept by a link that was mailed to them."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse

from events.access import Access
from events.accounts import audit
from events.accounts.mailing import INVITATION, Mail, mailer
from events.ownership.owner import Membership, Owner, Role

PENDING, EXPIRED = "pending", "expired"
GOOD_FOR = timedelta(days=7)
MAX_EMAIL = 150  # the e-mail address becomes the username, which can't be longer
_SALT = "events.accounts.invitation"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Filters of invitations."""

    def pending(self) -> Self:
        """Return invitations neither accepted nor withdrawn, including expired ones."""
        return self.filter(accepted_at=None, withdrawn_at=None)


class Invitation(models.Model):
    """One row per invitation of an e-mail address to become a member of an owner."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField(
        "e-mail address",
        max_length=MAX_EMAIL,
        help_text="The link is sent to this address. Anybody who has the link can accept.",
    )
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The link works as long as this person leads the owner.",
    )
    sends = models.PositiveSmallIntegerField(default=1, help_text="Only the newest link works.")
    sent_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "owner",
                Lower("email"),
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_pending_invitation",
            )
        ]

    def __str__(self) -> str:
        return f"invitation of {self.email} to {self.owner}"

    @property
    def expires_at(self) -> datetime:
        """The time at which the link expires."""
        return self.sent_at + GOOD_FOR

    def state(self, now: datetime) -> str:
        """Return its state as a text."""
        if self.accepted_at:
            return f"accepted by {self.accepted_by}" if self.accepted_by else "accepted"
        if self.withdrawn_at:
            return "withdrawn"
        return PENDING if now < self.expires_at else EXPIRED

    @property
    def path(self) -> str:
        """The path of the link. It proves access to the mailbox: anybody who has it may accept."""
        return reverse("invitation", args=[signing.dumps([self.pk, self.sends], salt=_SALT)])

    @property
    def mail(self) -> Mail:
        """The mail with the link."""
        return Mail(
            kind=INVITATION,
            key=f"invitation/{self.pk}/{self.sends}",
            about=str(self.pk),
            to=self.email,
            asked_by=self.invited_by,
        )


def of_token(token: str, now: datetime) -> Invitation | None:
    """Return the invitation of a link.

    None if the signature is invalid, the link expired, superseded, used or withdrawn, or the inviter no
    longer leads the owner.
    """
    try:
        pk, sends = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    found = Invitation.objects.pending().filter(pk=pk, sends=sends).select_related("owner", "invited_by")
    invitation = found.first()
    if invitation is None or now >= invitation.expires_at:
        return None
    return invitation if Access(invitation.invited_by).leads(invitation.owner_id) else None


def has_account(invitation: Invitation) -> bool:
    """True if an account has the address. Only shown to people with the link."""
    same = models.Q(email__iexact=invitation.email) | models.Q(username__iexact=invitation.email)
    return User.objects.filter(same).exists()


@transaction.atomic
def accept(invitation: Invitation, user: User, *, actor: audit.Actor, now: datetime) -> bool:
    """Make a person a member, or keep the membership they have. False if the link was used meanwhile."""
    mine = Invitation.objects.pending().filter(pk=invitation.pk, sends=invitation.sends)
    if not mine.update(accepted_at=now, accepted_by=user):
        return False
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    member, is_new = Membership.objects.get_or_create(
        user=user, owner=invitation.owner, defaults={"role": invitation.role}
    )
    if is_new:
        after = audit.state(member, ("user", "owner", "role"))
        audit.record(actor, "member.made", member, owner=invitation.owner, after=after)
    # Anybody with the link may accept, with any account, so the trail names both mailbox and account.
    who = {"email": invitation.email, "account": user.get_username()}
    audit.record(actor, "invitation.accepted", invitation, owner=invitation.owner, after=who)
    return True


@transaction.atomic
def accept_new(invitation: Invitation, password: str, *, address_hash: str, now: datetime) -> User | None:
    """Create an account named after the address, and its membership. None if the link was used meanwhile.
    Raises IntegrityError if the username was taken meanwhile.
    """
    user = User.objects.create_user(invitation.email.lower(), invitation.email, password, is_staff=True)
    actor = audit.Actor(user.get_username(), user.pk, address_hash)
    if accept(invitation, user, actor=actor, now=now):
        return user
    transaction.set_rollback(True)
    return None


@transaction.atomic
def send_again(invitation: Invitation, by: User, now: datetime) -> str:
    """Send a new link, which voids the one before. Returns why not, as a sentence, or an empty text."""
    if why := mailer().refusal(by, invitation.email, now):
        return why
    invitation.sends, invitation.sent_at, invitation.invited_by = invitation.sends + 1, now, by
    invitation.save(update_fields=["sends", "sent_at", "invited_by"])
    return mailer().send(invitation.mail, now)


def withdraw(invitation: Invitation, now: datetime) -> bool:
    """Void the link. False if the invitation was accepted or withdrawn before."""
    return bool(Invitation.objects.pending().filter(pk=invitation.pk).update(withdrawn_at=now))
