"""The log of webhooks in the admin: one row per attempt, and sending a message again."""

from collections.abc import Iterable
from typing import ClassVar

from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from events.access import access_of
from events.accounts import audit
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import Link, Page, count_column, group, short_text, time_column
from events.admin.filters import ChoiceFilter
from events.admin.lists import KeysetAdmin
from events.lib.formatting import size_text
from events.webhooks.webhook import Webhook, WebhookAttempt


class WebhookFilter(ChoiceFilter):
    """Filter by webhook."""

    title = "webhook"
    parameter_name = "webhook"
    column = "webhook_id"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the webhooks of owners that the person leads."""
        access = access_of(request)
        rows = access.limit_led(Webhook.objects.select_related("owner").order_by("name", "pk"))
        return [(str(row.pk), f"{row.name} · {access.label(row.owner)}") for row in rows]


class ResultFilter(ChoiceFilter):
    """Filter by result."""

    title = "result"
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return both results."""
        return (("delivered", "delivered"), ("failed", "failed"))

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the attempts with the result."""
        return rows.filter(error="") if self.chosen == "delivered" else rows.exclude(error="")


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(PageAdmin, KeysetAdmin):
    """Attempts to deliver messages, newest first."""

    page_template = "admin/webhook_attempt_page.html"
    list_display = (
        time_column("at", "Time (UTC)"),
        "webhook",
        "result",
        count_column("rows", "Rows"),
        "size",
        count_column("milliseconds", "ms"),
        short_text("message", 20),
    )
    list_filter: ClassVar[tuple[type[ChoiceFilter], ...]] = (WebhookFilter, ResultFilter)
    empty_state = EmptyState(
        "No deliveries yet", "Each attempt of a webhook to deliver a message appears here for some days."
    )

    @admin.display(description="Result")
    def result(self, row: WebhookAttempt) -> str:
        """Return the status, or why it failed."""
        return row.error or f"Delivered, status {row.status}"

    @admin.display(description="Size")
    def size(self, row: WebhookAttempt) -> str:
        """Return the size of the body in readable units."""
        return format_html('<span class="tally-figure">{}</span>', size_text(row.bytes))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[WebhookAttempt]:
        """Return the attempts of webhooks of owners that the person leads."""
        rows = super().get_queryset(request).select_related("webhook__owner")
        return access_of(request).limit_led(rows, "webhook__owner_id")

    def has_view_permission(self, request: HttpRequest, obj: WebhookAttempt | None = None) -> bool:
        """True for leads of the webhook's owner."""
        access = access_of(request)
        return access.leads_any if obj is None else access.leads(obj.webhook.owner_id)

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the button."""
        view = self.admin_site.admin_view(self.again_view)
        return [path("<int:pk>/again/", view, name="events_webhookattempt_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have a worker send the message again."""
        attempt = self.get_queryset(request).filter(pk=pk).first()
        if attempt is None or request.method != "POST":
            return redirect("admin:events_webhookattempt_change", pk)
        webhook = attempt.webhook
        with transaction.atomic():
            if WebhookAttempt.objects.filter(pk=pk, again_at=None).update(again_at=timezone.now()):
                audit.record(
                    audit.actor_of(request),
                    "webhook.sent_again",
                    webhook,
                    owner=webhook.owner,
                    after={"message": attempt.message},
                )
        messages.success(request, "The message is sent again within seconds.")
        return redirect("admin:events_webhookattempt_changelist")

    def page(self, request: HttpRequest, row: WebhookAttempt) -> Page:
        """Build the page of an attempt."""
        webhook = row.webhook
        return Page(
            sentence=f"{self.result(row).removesuffix('.')}. {row.rows:,} rows, {size_text(row.bytes)}.",
            groups=(
                group("Message", row, ("message", "rows", "bytes", "begin", "end")),
                group("Attempt", row, ("at", "milliseconds", "status", "error", "is_again", "again_at")),
            ),
            links=(Link(webhook.name, reverse("admin:events_webhook_change", args=[webhook.pk])),),
        )
