"""Members and invitations: their forms, and removing a member."""

from collections.abc import Mapping
from datetime import datetime

from django import forms
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from events.access import Access, is_last_lead
from events.accounts import members as membership_end
from events.accounts.audit import Actor
from events.accounts.invitation import Invitation
from events.accounts.mailing import mailer
from events.managing.audited import Audited
from events.ownership.owner import Membership, Role

AUDITED = Audited(noun="member", fields=("user", "owner", "role"), owner=lambda member: member.owner)
INVITATIONS = Audited(noun="invitation", fields=("owner", "email", "role"), owner=lambda row: row.owner)
LAST_LEAD = (
    "{person} is the last lead of {owner}. Without a lead, nobody on the team could manage its members and"
    " keys. Make somebody else a lead first, or ask an operator."
)


class RoleForm(forms.ModelForm[Membership]):
    """The form in which leads change a member's role."""

    access: Access  # of who changes it

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_role(self) -> str:
        """Refuse to demote the last lead."""
        role: str = self.cleaned_data["role"]
        stored = Membership.objects.get(pk=self.instance.pk)
        if role != Role.LEAD and is_needed(stored, self.access):
            raise forms.ValidationError(last_lead(stored))
        return role


class InvitationForm(forms.ModelForm[Invitation]):
    """The form of a new invitation. Its messages don't tell whether the address has an account."""

    inviter: User

    class Meta:
        model = Invitation
        fields = ("owner", "email", "role")

    def clean(self) -> dict[str, object]:
        """Refuse a second pending invitation of an address to an owner, and too many mails."""
        data = super().clean() or {}
        owner, email = data.get("owner"), data.get("email")
        if owner and email:
            pending = Invitation.objects.pending().filter(owner=owner, email__iexact=email)
            if pending.exists():
                self.add_error("email", "Already invited. Send that invitation again, or withdraw it.")
            elif why := mailer().refusal(self.inviter, email, timezone.now()):
                self.add_error("email", why)
        return data


def last_lead(member: Membership) -> str:
    """Return why the last lead stays one."""
    return LAST_LEAD.format(person=member.user, owner=member.owner)


def is_needed(member: Membership, access: Access) -> bool:
    """True for the last lead of an owner, whom only operators can demote or remove. Locks the owner."""
    return not access.manages_as_operator and is_last_lead(member)


@transaction.atomic
def remove(member: Membership, actor: Actor, *, now: datetime, handed_to: Mapping[int, User]) -> int:
    """End a membership. Returns the number of keys that end with it."""
    revoked = membership_end.end_keys(member, actor=actor, now=now, handed_to=handed_to)
    AUDITED.removed(actor, member)
    member.delete()
    return revoked
