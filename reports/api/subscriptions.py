"""Subscriptions to digests in the API: those of the key's person, and of contacts of administered owners."""

from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.api.endpoint import Selectable
from events.api.managing.base import (
    ACCESS,
    Body,
    Changed,
    Created,
    Given,
    Listed,
    OwnerField,
    Removed,
    form_of,
    help_of,
)
from events.ownership.owner import Owner
from reports.digests.locales import LOCALES
from reports.digests.models import RHYTHMS, Subscription
from reports.digests.subscription_form import AUDITED, CHOSEN, SubscriptionForm, plan_again
from reports.mail.addresses import Address

_help = partial(help_of, Subscription)


class SubscriptionSerializer(Selectable, serializers.ModelSerializer[Subscription]):
    """A subscription of a person or a contact to the digest of some owners."""

    person = serializers.CharField(
        source="user.username",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="Person who gets it, or null.",
    )
    address = serializers.CharField(
        source="address.address",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="Contact that gets it, or null.",
    )
    owners = serializers.SlugRelatedField[Owner](
        slug_field="name", many=True, read_only=True, help_text="Owners that it covers."
    )

    class Meta:
        model = Subscription
        fields = ("id", "person", "address", *CHOSEN, "ended_why", "next_at", "created_at")
        read_only_fields = fields


class SubscriptionChanges(Body):
    """Changes of a subscription."""

    owners = serializers.ListField(
        child=OwnerField(), allow_empty=False, max_length=1_000, required=False, help_text=_help("owners")
    )
    rhythm = serializers.ChoiceField(
        choices=[each.value for each in RHYTHMS], required=False, help_text="How often it is sent."
    )
    hour = serializers.IntegerField(min_value=0, max_value=23, required=False, help_text=_help("hour"))
    zone = serializers.CharField(max_length=64, required=False, help_text=_help("zone"))
    locale = serializers.ChoiceField(choices=list(LOCALES), required=False, help_text=_help("locale"))
    attach_csv = serializers.BooleanField(required=False, help_text=_help("attach_csv"))
    also_empty = serializers.BooleanField(required=False, help_text=_help("also_empty"))
    active = serializers.BooleanField(required=False, help_text=_help("active"))


class SubscriptionBody(SubscriptionChanges):
    """A subscription to create."""

    owners = serializers.ListField(
        child=OwnerField(), allow_empty=False, max_length=1_000, help_text=_help("owners")
    )
    address = serializers.EmailField(
        required=False,
        help_text="Contact that gets it, of the owner that it covers. Default: the key's person.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the contact with the address. Raises ValidationError."""
        if "address" in attrs:
            led = self.context[ACCESS].led.values("pk")
            contacts = Address.objects.filter(owner__in=led, address__iexact=attrs["address"]).order_by("pk")
            # Several owners may have it.
            attrs["address"] = contacts.filter(owner__in=attrs["owners"]).first() or contacts.first()
            if attrs["address"] is None:
                raise serializers.ValidationError(
                    {"address": ["No contact of your owners has this address. Leads add contacts."]}
                )
        return attrs


class SubscriptionViewSet(Listed, Created, Changed, Removed):
    """Subscriptions to digests of the owners that the key administers: of its person, and of contacts."""

    queryset = Subscription.objects.none()  # for the description
    serializer_class = SubscriptionSerializer
    filter_backends = ()
    audited = AUDITED
    body = SubscriptionBody
    changes = SubscriptionChanges

    def get_queryset(self) -> QuerySet[Subscription]:
        """Return the subscriptions that cover administered owners only."""
        led = list(self.access.led.values_list("pk", flat=True))
        others = Subscription.owners.through.objects.filter(subscription=OuterRef("pk")).exclude(
            owner__in=led
        )
        person = self.access.person
        theirs = Q(address__owner__in=led) | Q(user=person.pk if person else None, user__isnull=False)
        rows = Subscription.objects.filter(theirs, ~Exists(others)).filter(owners__in=led).distinct()
        return rows.select_related("user", "address__owner").prefetch_related("owners")

    @extend_schema(request=SubscriptionBody, responses={201: SubscriptionSerializer})
    def create(self, request: Request) -> Response:
        """Create a subscription."""
        return super().create(request)

    def make(self, given: Given) -> tuple[Subscription, Given]:
        """Create a subscription."""
        form = form_of(SubscriptionForm, self.access, given, reader=self.access.person)
        return form.save(), {}

    @extend_schema(request=SubscriptionChanges, responses=SubscriptionSerializer)
    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change a subscription. A changed schedule starts again."""
        return super().partial_update(request, **kwargs)

    def change(self, row: Subscription, given: Given) -> None:
        """Change a subscription."""
        form = form_of(SubscriptionForm, self.access, given, row)
        plan_again(row, form.changed_data, timezone.now())
        form.save()

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a subscription."""
        return super().destroy(request, **kwargs)
