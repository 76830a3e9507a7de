"""Pages of accounts for screenshots and axe: invitations, leaving members, passwords, and their mails."""

from datetime import timedelta
from typing import NamedTuple

from django.contrib.auth.models import User
from django.utils import timezone

from events.accounts import passwords
from events.accounts.invitation import GOOD_FOR, Invitation
from events.accounts.mailing import INVITATION, PASSWORD
from events.ownership.api_key import ApiKey, KeyType
from events.ownership.owner import Membership, Owner, Role
from events.ownership.provisioning import key as make_key
from reports.mail import links
from reports.mail.addresses import CONFIRMATION, Address, vouch_for
from reports.mail.kinds import KINDS
from reports.mail.models import SentMail

INVITED, MEMBER = "dora@example.org", "erin@example.org"


class AccountPages(NamedTuple):
    """Addresses of pages by the names of their screenshots, and the HTML of mails."""

    inside: dict[str, str]  # for logged-in people
    outside: dict[str, str]  # public
    mail_bodies: dict[str, str]


def prepare(operator: User, owner: Owner) -> AccountPages:
    """Make invitations in each state and a member with keys, and return their pages."""
    member, _ = User.objects.get_or_create(username=MEMBER, defaults={"email": MEMBER, "is_staff": True})
    member.set_password("forgotten")  # a new salt makes reset links valid again
    member.save()
    Membership.objects.get_or_create(user=operator, owner=owner, defaults={"role": Role.LEAD})
    leaving, _ = Membership.objects.get_or_create(user=member, owner=owner)
    _make_keys(member, owner)
    pending, expired = _invite(operator, owner, INVITED), _invite(operator, owner, "fay@example.org", days=8)
    known = _invite(operator, owner, MEMBER)
    _invite(operator, owner, "gus@example.org", is_withdrawn=True)
    own = Membership.objects.get(user=operator, owner=owner)
    address, _ = Address.objects.get_or_create(owner=owner, address="unconfirmed@example.org")
    vouch_for(address, operator, timezone.now())
    at = "/admin/accounts/invitation"
    return AccountPages(
        inside={
            "invitations": f"{at}/",
            "invitation-add": f"{at}/add/",
            "invitation": f"{at}/{pending.pk}/change/",
            "invitation-expired": f"{at}/{expired.pk}/change/",
            "invitation-accept": pending.path,
            "member-remove": f"/admin/events/membership/{leaving.pk}/delete/",
            "member-leave": f"/admin/events/membership/{own.pk}/delete/",
            "password": "/admin/password_change/",
            "password-done": "/admin/password_change/done/",
            "member-own": f"/admin/events/membership/{own.pk}/change/",
        },
        outside={
            "join-new": pending.path,
            "join-login": known.path,
            "join-expired": expired.path,
            "reset": "/admin/password_reset/",
            "reset-requested": "/admin/password_reset/done/",
            "reset-new-password": passwords.reset_path(member),
            "reset-done": "/admin/reset/done/",
            "reset-expired": "/admin/reset/MQ/set-password/",
            "confirm-used": "/mail/confirm/incomplete",
            "confirm": links.confirm_url(address),
        },
        mail_bodies={
            "letter-invitation": _content(INVITATION, str(pending.pk)),
            "letter-password": _content(PASSWORD, str(member.pk)),
            "letter-confirmation": _content(CONFIRMATION, str(address.pk), address),
        },
    )


def _invite(by: User, owner: Owner, email: str, *, days: int = 0, is_withdrawn: bool = False) -> Invitation:
    sent_at = timezone.now() - timedelta(days=days)
    assert (days >= GOOD_FOR.days) == (days > 0)
    found, _ = Invitation.objects.update_or_create(
        owner=owner,
        email=email,
        defaults={
            "invited_by": by,
            "sent_at": sent_at,
            "withdrawn_at": timezone.now() if is_withdrawn else None,
        },
    )
    return found


def _make_keys(member: User, owner: Owner) -> None:
    """Create a personal key and one for the team, which both end with the membership."""
    for name, user in (("notebook", member), ("portal, production", None)):
        if not ApiKey.objects.filter(name=name, default_owner=owner).exists():
            made = make_key(
                organization_slug=owner.organization.slug, owner_name=owner.name, kind=KeyType.SECRET
            ).key
            made.name, made.user, made.created_by = name, user, member
            made.save(update_fields=["name", "user", "created_by"])


def _content(kind: str, about: str, address: Address | None = None) -> str:
    """Build a mail as for sending."""
    compose = KINDS[kind].compose
    assert compose is not None
    return compose(SentMail(kind=kind, about=about, address=address)).html
