"""API keys in the API: created with their text shown once, changed, revoked."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Selectable
from events.api.managing.base import (
    ACCESS,
    Body,
    Changed,
    Created,
    Given,
    Listed,
    OfOwner,
    OwnerField,
    Removed,
    form_of,
)
from events.managing.keys import AUDITED, ChangeKeyForm, MakeKeyForm
from events.ownership import senders
from events.ownership.api_key import ApiKey, KeyType, Permission, give_text

NAME = "Purpose of the key."


class KeySerializer(Selectable, serializers.ModelSerializer[ApiKey]):
    """An API key. Its secret is only in the response that created it."""

    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=Permission.values), read_only=True, help_text="What it may do."
    )
    owner = serializers.CharField(
        source="default_owner.name", read_only=True, help_text="Owner of events that don't name one."
    )
    owners = serializers.SerializerMethodField(
        help_text="Further owners of the key, as far as you administer them."
    )
    person = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text="Person whose personal key it is, or who created it. It manages no more than they may.",
    )

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id",
            "name",
            "type",
            "permissions",
            "prefix",
            "owner",
            "owners",
            "all_owners",
            "person",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        )
        read_only_fields = fields

    def get_owners(self, key: ApiKey) -> list[str]:
        """Return the names of further owners."""
        access: Access = self.context[ACCESS]
        return [owner.name for owner in key.owners.all() if access.leads(owner.pk)]


class NewKeySerializer(KeySerializer):
    """A new API key."""

    secret = serializers.CharField(read_only=True, help_text="The key itself. It is never shown again.")

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "secret")
        read_only_fields = fields


class KeyBody(Body):
    """A key to create."""

    name = serializers.CharField(max_length=100, required=False, help_text=NAME)
    type = serializers.ChoiceField(choices=KeyType.values, help_text="Secret keys must stay on servers.")
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=Permission.values),
        allow_empty=False,
        help_text="What it may do. Publishable keys only write.",
    )
    owner = OwnerField(help_text="Owner of events that don't name one.")
    owners = serializers.ListField(
        child=OwnerField(), max_length=1_000, required=False, help_text="Further owners of the key."
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, required=False, help_text="When it ends. null: when it is revoked."
    )


class KeyChanges(Body):
    """Changes of a key."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True, help_text=NAME)
    expires_at = serializers.DateTimeField(
        allow_null=True, required=False, help_text="When it ends. null: when it is revoked."
    )


class KeyFilter(OfOwner):
    """Filters of keys."""

    path = "default_owner_id"


class KeyViewSet(Listed, Created, Changed, Removed):
    """The keys of the owners that the key administers."""

    queryset = ApiKey.objects.none()  # for the description
    serializer_class = KeySerializer
    filterset_class = KeyFilter
    audited = AUDITED
    body = KeyBody
    changes = KeyChanges

    def get_queryset(self) -> QuerySet[ApiKey]:
        """Return the keys whose default owner is administered."""
        rows = ApiKey.objects.select_related("default_owner", "user", "created_by").prefetch_related("owners")
        return self.access.limit_led(rows, "default_owner_id")

    @extend_schema(request=KeyBody, responses={201: NewKeySerializer})
    def create(self, request: Request) -> Response:
        """Create a key for owners that you administer. `secret` is the key itself, shown only now.

        If it manages, it can't end later than the key that creates it.
        """
        return super().create(request)

    def make(self, given: Given) -> tuple[ApiKey, Given]:
        """Create a key."""
        given = {"default_owner": given.pop("owner"), **given}
        form = form_of(MakeKeyForm, self.access, given)
        secret = give_text(form.instance)
        form.instance.created_by = self.access.person
        return form.save(), {"secret": secret}

    @extend_schema(request=KeyChanges, responses=KeySerializer)
    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change the name or the end of a key."""
        return super().partial_update(request, **kwargs)

    def change(self, row: ApiKey, given: Given) -> None:
        """Change a key."""
        form_of(ChangeKeyForm, self.access, given, row).save()
        senders.forget()  # this process at once, the others within seconds

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Revoke a key, for good. It stays in the list, because requests refer to it."""
        return super().destroy(request, **kwargs)

    def remove(self, row: ApiKey) -> None:
        """Revoke a key, unless it was revoked before."""
        before = self.audited.state(row)
        row.revoked_at = row.revoked_at or timezone.now()
        row.save(update_fields=["revoked_at"])
        self.audited.changed(self.actor, row, before)
        senders.forget()
