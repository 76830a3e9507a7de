"""Members and invitations in the API."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from events.accounts import audit, invitation
from events.accounts.invitation import Invitation
from events.accounts.mailing import mailer
from events.api.endpoint import Selectable
from events.api.managing.base import (
    Body,
    Changed,
    Conflict,
    Created,
    Given,
    Listed,
    OfOwner,
    OwnerField,
    Removed,
    form_of,
    written,
)
from events.managing import members
from events.managing.members import AUDITED, INVITATIONS, InvitationForm, RoleForm
from events.ownership.owner import Membership, Role


class MemberSerializer(Selectable, serializers.ModelSerializer[Membership]):
    """A person's role in an owner."""

    person = serializers.CharField(source="user.username", read_only=True, help_text="Username.")
    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")

    class Meta:
        model = Membership
        fields = ("id", "person", "owner", "role")
        read_only_fields = fields


class MemberChanges(Body):
    """The new role of a member."""

    role = serializers.ChoiceField(choices=Role.values, help_text="Leads manage the owner.")


class MemberViewSet(Listed, Changed, Removed):
    """The members of the owners that the key administers. To add people, invite them."""

    queryset = Membership.objects.none()  # for the description
    serializer_class = MemberSerializer
    filterset_class = OfOwner
    audited = AUDITED
    changes = MemberChanges

    def get_queryset(self) -> QuerySet[Membership]:
        """Return the members of administered owners."""
        return self.access.limit_led(Membership.objects.select_related("user", "owner"))

    @extend_schema(request=MemberChanges, responses=MemberSerializer)
    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change the role of a member. The last lead of an owner stays one."""
        return super().partial_update(request, **kwargs)

    def change(self, row: Membership, given: Given) -> None:
        """Change the role."""
        form_of(RoleForm, self.access, given, row).save()

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a member. Keys that they hold or created for the owner are revoked."""
        return super().destroy(request, **kwargs)

    def remove(self, row: Membership) -> None:
        """Remove a member and revoke their keys."""
        if members.is_needed(row, self.access):
            raise Conflict(members.last_lead(row))
        members.remove(row, self.actor, now=timezone.now(), handed_to={})


class InvitationSerializer(Selectable, serializers.ModelSerializer[Invitation]):
    """An invitation by e-mail."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")
    state = serializers.SerializerMethodField(help_text="pending, expired, accepted or withdrawn.")
    expires_at = serializers.DateTimeField(read_only=True, help_text="When its link stops working.")

    class Meta:
        model = Invitation
        fields = ("id", "email", "owner", "role", "state", "sent_at", "expires_at")
        read_only_fields = fields

    def get_state(self, row: Invitation) -> str:
        """Return the state."""
        return row.state(timezone.now()).partition(" ")[0]


class InvitationBody(Body):
    """An invitation to send."""

    owner = OwnerField(help_text="Owner that the person becomes a member of.")
    email = serializers.EmailField(max_length=invitation.MAX_EMAIL, help_text="Address that gets the link.")
    role = serializers.ChoiceField(choices=Role.values, required=False, help_text="Default: viewer.")


class InvitationViewSet(Listed, Created, Removed):
    """Invitations to the owners that the key administers."""

    queryset = Invitation.objects.none()  # for the description
    serializer_class = InvitationSerializer
    filterset_class = OfOwner
    audited = INVITATIONS
    body = InvitationBody

    def get_queryset(self) -> QuerySet[Invitation]:
        """Return the invitations to administered owners."""
        return self.access.limit_led(Invitation.objects.select_related("owner", "invited_by", "accepted_by"))

    @extend_schema(request=InvitationBody, responses={201: InvitationSerializer})
    def create(self, request: Request) -> Response:
        """Invite somebody by e-mail. They become a member when they follow the link in the mail."""
        return super().create(request)

    def make(self, given: Given) -> tuple[Invitation, Given]:
        """Invite somebody."""
        now, person = timezone.now(), self.access.person
        form = form_of(InvitationForm, self.access, given, inviter=person)
        form.instance.invited_by, form.instance.sent_at = person, now
        row: Invitation = form.save()
        if why := mailer().send(row.mail, now):
            raise Conflict(f"No mail was sent. {why}")
        return row, {}

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, **_: object) -> Response:
        """Send a new link, which voids the one before."""
        with written():
            row = self._pending()
            person = self.access.person
            assert person is not None, "only keys of a person administer"
            if why := invitation.send_again(row, person, timezone.now()):
                raise Conflict(f"No mail was sent. {why}")
            audit.record(self.actor, "invitation.sent_again", row, owner=row.owner)
        return self.answer(row)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Withdraw an invitation: its link stops working. It stays in the list."""
        return super().destroy(request, **kwargs)

    def remove(self, row: Invitation) -> None:
        """Withdraw an invitation, unless it was withdrawn before."""
        if row.withdrawn_at is None and invitation.withdraw(self._pending(), timezone.now()):
            audit.record(self.actor, "invitation.withdrawn", row, owner=row.owner)

    def _pending(self) -> Invitation:
        row: Invitation = self.get_object()
        if row.accepted_at or row.withdrawn_at:
            raise Conflict(f"The invitation was {row.state(timezone.now()).partition(' ')[0]}.")
        return row
