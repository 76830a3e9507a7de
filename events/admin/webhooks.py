"""Webhooks in the admin: leads add, pause and remove them, and rotate their secrets."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from events.access import access_of
from events.accounts import audit
from events.admin.base import AuditedAdmin, EmptyState, Form, OwnedAdmin, linked_fields
from events.admin.display import short_text, time_column
from events.lib.fields import AnyField
from events.managing.webhooks import AUDITED, SET, WebhookForm, prepare_change
from events.webhooks.webhook import Webhook

FIXED = (
    "state",
    "deliveries",
    time_column("delivered_at", "Last delivered (UTC)", never="never"),
    time_column("next_at", "Next attempt (UTC)"),
    time_column("rotated_at", "Secret rotated (UTC)", never="never"),
    time_column("created_at"),
)
_SECRET = "tally_webhook_secret"  # noqa: S105  (attribute of the request with the new secret)


@admin.register(Webhook)
class WebhookAdmin(AuditedAdmin, OwnedAdmin):
    """The webhooks of the owners that a person leads."""

    form = WebhookForm
    audited = AUDITED
    list_display = (
        "name",
        "owner",
        short_text("url", 50, label="URL"),
        "what",
        "state",
        time_column("delivered_at", "Last delivered (UTC)", never="never"),
        "deliveries",
    )
    list_select_related = ("owner",)
    search_fields = ("name", "url")
    search_help_text = "Name or URL"
    empty_state = EmptyState(
        "No webhooks yet",
        "A webhook posts an owner's events to a URL as they are stored. Leads add webhooks here.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Webhook]:
        """Return the webhooks of owners that the person leads."""
        return access_of(request).limit_led(super().get_queryset(request))

    @admin.display(description="State")
    def state(self, row: Webhook) -> str:
        """Return the state in words."""
        return row.state

    @admin.display(description="Deliveries")
    def deliveries(self, row: Webhook) -> str:
        """Return links to the log and to the rotation of the secret."""
        return format_html(
            '<a class="text-link" href="{}?webhook={}">Log</a> ·'
            ' <a class="text-link" href="{}">Rotate secret</a>',
            reverse("admin:events_webhookattempt_changelist"),
            row.pk,
            reverse("admin:events_webhook_rotate", args=[row.pk]),
        )

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> tuple[Any, ...]:
        """Return the fields that may be set, followed by read-only ones."""
        if obj is None:
            return ("owner", *SET)
        return ("owner", *SET, "active", *FIXED)

    def get_readonly_fields(self, request: HttpRequest, obj: Webhook | None = None) -> tuple[Any, ...]:
        """Return the read-only fields. A webhook stays with its owner."""
        return () if obj is None else linked_fields(request, ("owner", *FIXED))

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer the owners that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """True for leads of its owner: URLs may contain secrets of the receiver."""
        access = access_of(request)
        return access.leads_any if obj is None else access.leads(obj.owner_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """True for leads."""
        return access_of(request).leads_any

    def has_change_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """True for leads of its owner."""
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """True for leads of its owner."""
        return self.has_view_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the rotation page."""
        view = self.admin_site.admin_view(self.rotate_view)
        return [path("<int:pk>/rotate/", view, name="events_webhook_rotate"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Webhook, form: Form, change: bool) -> None:
        """Create a webhook, whose secret is shown once, or change it."""
        if not change:
            setattr(request, _SECRET, obj.begin())
        else:
            active = form.cleaned_data.get("active", True)
            prepare_change(obj, active=active, by=str(request.user), now=timezone.now())
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, only once."""
        return self._shown_once(request, obj, getattr(request, _SECRET))

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then replace the secret and show the new one."""
        webhook: Webhook | None = self.get_object(request, str(pk))
        if webhook is None or not self.has_change_permission(request, webhook):
            raise PermissionDenied
        if request.method == "POST":
            with transaction.atomic():
                secret = webhook.rotate(timezone.now())
                audit.record(audit.actor_of(request), "webhook.rotated", webhook, owner=webhook.owner)
            return self._shown_once(request, webhook, secret)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Rotate the secret of {webhook}",
            "webhook": webhook,
            "back": reverse("admin:events_webhook_change", args=[webhook.pk]),
        }
        return TemplateResponse(request, "admin/webhook_rotation.html", context)

    def _shown_once(self, request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New secret",
            "webhook": webhook,
            "text": secret,
        }
        response = TemplateResponse(request, "admin/webhook_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response
