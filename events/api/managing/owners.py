"""Owners in the API: read by everybody who sees them, changed by keys that manage."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from events.api.endpoint import Selectable
from events.api.managing.base import ACCESS, ROW, Body, Changed, Created, Given, Listed, form_of
from events.api.pagination import NamePagination
from events.managing.owners import AUDITED, OF_LEADS, OF_OPERATORS, OwnerForm, settable
from events.ownership import senders
from events.ownership.api_key import Permission
from events.ownership.owner import MAX_NAME, OverQuota, Owner, OwnerQuerySet, Validation


class OwnerSerializer(Selectable, serializers.ModelSerializer[Owner]):
    """A team whose events they are."""

    organization = serializers.CharField(
        source="organization.slug", read_only=True, help_text="Slug of its organization."
    )
    contact = serializers.CharField(read_only=True, help_text="Address of the team, or empty.")

    class Meta:
        model = Owner
        fields = ("id", "name", "organization", *OF_LEADS, *OF_OPERATORS, "created_at")
        read_only_fields = fields


def size_field(help_text: str) -> serializers.IntegerField:
    """Return the field of a limit."""
    return serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, allow_null=True, required=False, help_text=help_text
    )


class OwnerChanges(Body):
    """Changes of an owner. Quotas are for operators."""

    validation = serializers.ChoiceField(
        choices=Validation.values,
        required=False,
        help_text="strict rejects what the reference pipeline rejects.",
    )
    contact = serializers.CharField(
        max_length=512, required=False, allow_blank=True, help_text="Address of the team."
    )
    monthly_quota = size_field(help_text="Events accepted per calendar month (UTC). null: no limit.")
    over_quota = serializers.ChoiceField(
        choices=OverQuota.values, required=False, help_text="What happens to events beyond the quota."
    )
    max_waiting_bytes = size_field(help_text="Bytes of waiting requests. null: the default.")
    max_rejected_bytes = size_field(help_text="Bytes of rejected events. null: the default.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse settings that the key's person may not change."""
        allowed = settable(self.context[ACCESS], self.context[ROW])
        if refused := sorted(set(attrs) - set(allowed)):
            raise serializers.ValidationError(dict.fromkeys(refused, "Only operators can set it."))
        return attrs


class OwnerBody(OwnerChanges):
    """An owner to create."""

    name = serializers.CharField(
        max_length=MAX_NAME, help_text="Unique in the organization, in any case. It can't be changed."
    )


class OwnerFilter(django_filters.FilterSet):
    """Filters of owners."""

    name = django_filters.CharFilter(method="by_name", help_text="Name of the owner, in any case.")

    class Meta:
        model = Owner
        fields: list[str] = []

    def by_name(self, owners: OwnerQuerySet, _: str, name: str) -> OwnerQuerySet:
        """Filter by name."""
        return owners.named(name)


class OwnerViewSet(Listed, Created, Changed):
    """The owners that the reader may see, by name. A key that manages changes the settings of its own."""

    queryset = Owner.objects.none()  # for the description
    serializer_class = OwnerSerializer
    filterset_class = OwnerFilter
    pagination_class = NamePagination
    needs = (Permission.READ, Permission.MANAGE)
    audited = AUDITED
    body = OwnerBody
    changes = OwnerChanges

    def get_queryset(self) -> QuerySet[Owner]:
        """Return the owners that the reader may see or, to change them, administers."""
        owners = self.access.known_owners if self.request.method in SAFE_METHODS else self.access.led
        return Owner.objects.filter(pk__in=owners.values("pk")).select_related("organization")

    @extend_schema(request=OwnerBody, responses={201: OwnerSerializer})
    def create(self, request: Request) -> Response:
        """Create an owner in the key's organization.

        The key must be for all owners, and of an operator.
        """
        if self.access.home is None:
            raise PermissionDenied("Owners are created by keys for all owners, which manage for an operator.")
        return super().create(request)

    def make(self, given: Given) -> tuple[Owner, Given]:
        """Create an owner."""
        owner = Owner(organization=self.access.home)
        return form_of(OwnerForm, self.access, given, owner).save(), {}

    @extend_schema(request=OwnerChanges, responses=OwnerSerializer)
    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change the settings of an owner."""
        return super().partial_update(request, **kwargs)

    def change(self, row: Owner, given: Given) -> None:
        """Change the settings."""
        form_of(OwnerForm, self.access, given, row).save()
        senders.forget()  # this process at once, the others within seconds
