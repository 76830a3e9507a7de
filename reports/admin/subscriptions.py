"""Subscriptions to digests in the admin. People manage their own, leads those of contacts, operators all."""

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from events.access import access_of
from events.accounts import audit
from events.admin.base import AuditedAdmin, EmptyState, Form, Row
from events.admin.display import time_column
from events.lib.fields import AnyField
from reports.admin.mails import framed, sentence
from reports.digests import sending
from reports.digests.content import compose
from reports.digests.models import Subscription
from reports.digests.rendering import html_with_images
from reports.digests.sending import DIGEST
from reports.digests.subscription_form import AUDITED, CHOSEN, SubscriptionForm, plan_again
from reports.mail import delivery
from reports.mail.addresses import Address
from reports.mail.message import MailContent
from reports.mail.models import SentMail
from reports.mail.transport import ServerConnection


@admin.register(Subscription)
class SubscriptionAdmin(AuditedAdmin):
    """Subscriptions: who gets which digest when."""

    form = SubscriptionForm
    audited = AUDITED
    list_display = (
        "reader",
        "told",
        "rhythm",
        "at",
        "standing",
        time_column("next_at", "Next (UTC)"),
        "preview",
    )
    list_select_related = ("user", "address")
    empty_state = EmptyState(
        "No subscriptions yet",
        "Subscribe to get a summary of your owners' telemetry by mail every day, week or month.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Subscription]:
        """Limit to the person's own subscriptions and those of contacts of owners that they lead."""
        access = access_of(request)
        shown = access.visible_owners
        rows = super().get_queryset(request).select_related("user", "address__owner")
        owners = Prefetch("owners", queryset=shown, to_attr="shown_owners")
        rows = rows.prefetch_related(owners, "address__confirmed_by")
        if access.is_operator:
            return rows
        led = models.Q(address__owner__in=access.led.values("pk"))
        return rows.filter(models.Q(user_id=request.user.pk) | led)

    @admin.display(description="To")
    def reader(self, row: Subscription) -> str:
        """Return the recipient."""
        return str(row.user or row.address)

    @admin.display(description="About")
    def told(self, row: Row) -> str:
        """Return the names of its owners."""
        return ", ".join(owner.name for owner in row.shown_owners)

    @admin.display(description="At")
    def at(self, row: Subscription) -> str:
        """Return the hour and time zone."""
        return f"{row.hour:02}:00 {row.zone}"

    @admin.display(description="State")
    def standing(self, row: Subscription) -> str:
        """Return if it is sent, and why not."""
        if not row.active:
            return row.ended_why or "switched off"
        why = row.address.suppression(DIGEST) if row.address else ""
        return f"suppressed: {why[0].lower()}{why[1:]}" if why else "active"

    @admin.display(description="Preview")
    def preview(self, row: Subscription) -> str:
        """Return a link to the preview."""
        url = reverse("admin:digests_subscription_preview", args=[row.pk])
        return format_html('<a class="tally-rotate" href="{}">Preview</a>', url)

    def has_view_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        """Allow the recipient, and leads of the owner whose contact gets it."""
        access = access_of(request)
        if obj is None or access.is_operator:
            return not access.is_empty
        is_led = obj.address is not None and access.leads(obj.address.owner_id)
        return access.is_person(obj.user_id) or is_led

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow everybody who sees an owner."""
        return not access_of(request).is_empty

    def has_change_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        """Allow everybody who may view it."""
        return obj is not None and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        """Allow everybody who may view it."""
        return self.has_change_permission(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Subscription | None = None, change: bool = False, **kwargs: object
    ) -> type[forms.ModelForm[Subscription]]:
        """Return the form, with the person as the default recipient."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"reader": request.user})

    def get_fields(self, request: HttpRequest, obj: Subscription | None = None) -> tuple[str, ...]:
        """Include the recipient only when adding, and only for people who may choose one."""
        access = access_of(request)
        if obj is not None:
            return ("reader", *CHOSEN, "next_at", "standing", "preview")
        choices = (("user", access.is_operator), ("address", access.leads_any))
        return (*(name for name, may in choices if may), *CHOSEN)

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> tuple[str, ...]:
        """Return the computed fields."""
        return ("reader", "next_at", "standing", "preview") if obj is not None else ()

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer only owners and addresses that the person may see."""
        access = access_of(request)
        if db_field.name == "owners":
            kwargs["queryset"] = access.visible_owners
        if db_field.name == "address":
            kwargs["queryset"] = Address.objects.filter(owner__in=access.led.values("pk"))
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name in ("user", "address"):
            field.help_text = f"{db_field.help_text} Empty: you."
        return field

    def save_model(self, request: HttpRequest, obj: Subscription, form: Form, change: bool) -> None:
        """Save. A changed schedule starts again."""
        if change:
            plan_again(obj, form.changed_data, timezone.now())
        super().save_model(request, obj, form, change)
        if obj.current_address() is None:
            messages.warning(
                request,
                f"Nothing is sent: the account {obj.user} has no e-mail address. An operator can add one.",
            )

    def get_urls(self) -> list[URLPattern]:
        """Add the preview and its buttons."""
        views = {"preview": self.preview_view, "frame": self.frame_view, "send": self.send_view}
        return [
            *(
                path(
                    f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"digests_subscription_{name}"
                )
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what a digest would say now, and the mails sent so far."""
        row = self._found(request, pk)
        period = sending.latest_period(row, timezone.now())
        content = _content(row)
        sent = SentMail.objects.filter(kind=sending.DIGEST, about=str(pk)).defer("message")[:20]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Digest to {row.user or row.address}",
            "subscription": row,
            "days": row.written.days(period.first, period.last),
            "content": content,
            "mails": [
                {"mail": mail, "url": reverse("admin:mail_sentmail_change", args=[mail.pk])} for mail in sent
            ],
        }
        return TemplateResponse(request, "reports/digest_preview.html", context)

    def frame_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Serve the mail for the frame of the preview."""
        content = _content(self._found(request, pk))
        if content is None:
            raise Http404
        return framed(html_with_images(content))

    def send_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a digest now."""
        row = self._found(request, pk)
        if request.method == "POST":
            mail = _sent_now(request, row)
            if mail is None:
                messages.warning(
                    request,
                    "Nothing was sent: one was already requested this minute, or there is no address.",
                )
            else:
                messages.info(request, sentence(mail))
        return redirect("admin:digests_subscription_preview", pk)

    def _found(self, request: HttpRequest, pk: int) -> Subscription:
        row: Subscription | None = self.get_queryset(request).filter(pk=pk).first()
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return row


def _content(row: Subscription) -> MailContent | None:
    address = row.current_address()
    if address is None or not row.visible_owners():
        return None
    now = timezone.now()
    return sending.digest_content(row, sending.latest_period(row, now), compose, address, now)


def _sent_now(request: HttpRequest, row: Subscription) -> SentMail | None:
    with transaction.atomic():
        mail = sending.send_now(row, compose, timezone.now())
        if mail is not None:
            owner = row.address.owner if row.address else None
            audit.record(audit.actor_of(request), "subscription.asked", row, owner=owner)
    if mail is not None:
        with ServerConnection() as server:
            delivery.attempt(mail.pk, server)
        mail.refresh_from_db()
    return mail
