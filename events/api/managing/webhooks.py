"""Webhooks in the API, with their secrets shown once, and their deliveries."""

from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from events.accounts import audit
from events.api.endpoint import Selectable
from events.api.managing.base import (
    Body,
    Changed,
    Created,
    Given,
    Listed,
    OfOwner,
    OwnerField,
    Removed,
    form_of,
    help_of,
    written,
)
from events.managing.webhooks import AUDITED, SET, WebhookForm, prepare_change
from events.webhooks import addresses
from events.webhooks.webhook import Sent, Webhook, WebhookAttempt

_help = partial(help_of, Webhook)


class WebhookSerializer(Selectable, serializers.ModelSerializer[Webhook]):
    """A webhook, without its secret."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text=_help("owner"))
    active = serializers.SerializerMethodField(help_text="Whether it sends. If not, `state` says why.")
    state = serializers.CharField(read_only=True, help_text="Its state as a sentence.")

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            "id",
            "owner",
            *SET,
            "active",
            "state",
            "failures",
            "failing_since",
            "delivered_at",
            "next_at",
            "rotated_at",
            "created_at",
        )
        read_only_fields = fields

    def get_active(self, row: Webhook) -> bool:
        """True unless it is paused."""
        return row.paused_at is None


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its new secret."""

    secret = serializers.CharField(
        read_only=True, help_text="Secret that messages are signed with. It is never shown again."
    )

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields


class SecretSerializer(serializers.Serializer[Any]):
    """The new secret of a webhook."""

    secret = serializers.CharField(help_text="Secret that messages are signed with. It is never shown again.")


class AttemptSerializer(Selectable, serializers.ModelSerializer[WebhookAttempt]):
    """An attempt to deliver a message."""

    class Meta:
        model = WebhookAttempt
        fields = ("id", "message", "at", "status", "error", "rows", "bytes", "milliseconds", "is_again")
        read_only_fields = fields


class WebhookSettings(Body):
    """The settings of a webhook that have a default."""

    what = serializers.ChoiceField(choices=Sent.values, required=False, help_text=_help("what"))
    filter = serializers.CharField(
        max_length=2_000, required=False, allow_blank=True, help_text=_help("filter")
    )
    fields = serializers.CharField(  # type: ignore[assignment]  # the name of a member, and of an attribute
        max_length=2_000, required=False, allow_blank=True, help_text=_help("fields")
    )


class WebhookChanges(WebhookSettings):
    """Changes of a webhook."""

    name = serializers.CharField(max_length=100, required=False, help_text=_help("name"))
    url = serializers.CharField(max_length=addresses.LONGEST, required=False, help_text=_help("url"))
    active = serializers.BooleanField(
        required=False,
        help_text="false pauses it. A webhook that is resumed sends what was written meanwhile.",
    )


class WebhookBody(WebhookSettings):
    """A webhook to create."""

    owner = OwnerField(help_text=_help("owner"))
    name = serializers.CharField(max_length=100, help_text=_help("name"))
    url = serializers.CharField(max_length=addresses.LONGEST, help_text=_help("url"))


class WebhookViewSet(Listed, Created, Changed, Removed):
    """The webhooks of the owners that the key administers."""

    queryset = Webhook.objects.none()  # for the description
    serializer_class = WebhookSerializer
    filterset_class: Any = OfOwner
    audited = AUDITED
    body = WebhookBody
    changes = WebhookChanges

    def get_queryset(self) -> QuerySet[Webhook]:
        """Return the webhooks of administered owners."""
        return self.access.limit_led(Webhook.objects.select_related("owner"))

    @extend_schema(request=WebhookBody, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Response:
        """Create a webhook, which sends what is stored from now on. `secret` is never shown again."""
        return super().create(request)

    def make(self, given: Given) -> tuple[Webhook, Given]:
        """Create a webhook."""
        form = form_of(WebhookForm, self.access, given)
        secret = form.instance.begin()
        return form.save(), {"secret": secret}

    @extend_schema(request=WebhookChanges, responses=WebhookSerializer)
    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change, pause or resume a webhook."""
        return super().partial_update(request, **kwargs)

    def change(self, row: Webhook, given: Given) -> None:
        """Change a webhook."""
        active = given.setdefault("active", row.paused_at is None)
        form = form_of(WebhookForm, self.access, given, row)
        prepare_change(row, active=active, by=self.actor.name, now=timezone.now())
        form.save()

    @extend_schema(request=None, responses=SecretSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **_: object) -> Response:
        """Replace the secret. For a day, messages are signed with both."""
        with written():
            webhook: Webhook = self.get_object()
            secret = webhook.rotate(timezone.now())
            audit.record(self.actor, "webhook.rotated", webhook, owner=webhook.owner)
        return Response({"secret": secret}, headers={"Cache-Control": "no-store"})

    @extend_schema(responses=AttemptSerializer(many=True), operation_id="list_webhook_deliveries")
    @action(detail=True, methods=["get"], serializer_class=AttemptSerializer, filterset_class=None)
    def deliveries(self, request: Request, **_: object) -> Response:
        """Return its attempts to deliver messages, newest first."""
        page: Any = self.paginate_queryset(self.get_object().attempts.all())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
