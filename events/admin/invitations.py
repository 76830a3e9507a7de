"""Invitations in the admin: leads invite people by mail to become members."""

from datetime import UTC
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone

from events.access import access_of, person_of
from events.accounts import audit, invitation
from events.accounts.invitation import EXPIRED, PENDING, Invitation
from events.accounts.mailing import mailer
from events.admin.base import AuditedAdmin, EmptyState, Form, OwnedAdmin, PageAdmin
from events.admin.display import Page, group, time_column
from events.lib.fields import AnyField
from events.managing.members import INVITATIONS, InvitationForm


@admin.register(Invitation)
class InvitationAdmin(AuditedAdmin, OwnedAdmin, PageAdmin):
    """The invitations of the owners that a person leads."""

    form = InvitationForm
    audited = INVITATIONS
    page_template = "admin/invitation_page.html"
    list_display = ("email", "owner", "role", "state", time_column("sent_at", "Sent (UTC)"))
    list_select_related = ("owner", "invited_by", "accepted_by")
    search_fields = ("email",)
    search_help_text = "E-mail address"
    empty_state = EmptyState(
        "No invitations yet",
        "Add one. The person gets a link by mail, sets a password if they are new, and becomes a member when"
        " they accept.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Invitation]:
        """Return the invitations to owners that the person leads."""
        return access_of(request).limit_led(super().get_queryset(request))

    @admin.display(description="State")
    def state(self, row: Invitation) -> str:
        """Return its state as a text."""
        return row.state(timezone.now())

    def has_view_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """True for leads of its owner."""
        access = access_of(request)
        return access.leads_any if obj is None else access.leads(obj.owner_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """True for leads, who invite to their owners."""
        return access_of(request).leads_any

    def get_form(
        self, request: HttpRequest, obj: Invitation | None = None, change: bool = False, **kwargs: object
    ) -> Any:
        """Return the form, with the inviter."""
        made: Any = super().get_form(request, obj, change, **kwargs)
        made.inviter = person_of(request)
        return made

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer the owners that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> tuple[str, ...]:
        """Return the fields of the form."""
        return ("owner", "email", "role")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the form for a new invitation, and the page of an existing one."""
        if object_id is None:
            return super(PageAdmin, self).changeform_view(request, None, form_url, extra_context)
        row = self.get_object(request, object_id)
        more = {"is_expired": row is not None and self.state(row) == EXPIRED, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, more)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Form, change: bool) -> None:
        """Save the invitation and send its mail."""
        obj.invited_by_id, obj.sent_at = request.user.pk, timezone.now()
        super().save_model(request, obj, form, change)
        self._say(request, obj, mailer().send(obj.mail, obj.sent_at))

    def page(self, request: HttpRequest, row: Invitation) -> Page:
        """Build the page of an invitation."""
        return Page(
            sentence=f"{row.email} was invited to {row.owner} as a {row.role}. {self._next_step(row)}",
            groups=(
                group("What", row, ("owner", "email", "role")),
                group("When", row, ("invited_by", "sent_at", "sends", "accepted_at", "withdrawn_at")),
            ),
        )

    def _next_step(self, row: Invitation) -> str:
        state, until = self.state(row), f"{row.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if state == PENDING:
            return f"The link works until {until}."
        if state == EXPIRED:
            return f"The link expired on {until}: send a new one."
        return f"The invitation was {state}."

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of the page's buttons."""
        views = {"resend": self.resend_view, "withdraw": self.withdraw_view}
        return [
            *(
                path(
                    f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"accounts_invitation_{name}"
                )
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def resend_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a new link, which voids the one before."""
        row = self._pending(request, pk)
        if request.method == "POST":
            with transaction.atomic():
                why = invitation.send_again(row, person_of(request), timezone.now())
                if not why:
                    audit.record(audit.actor_of(request), "invitation.sent_again", row, owner=row.owner)
            self._say(request, row, why)
        return redirect("admin:accounts_invitation_change", pk)

    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Withdraw the invitation."""
        row = self._pending(request, pk)
        if request.method == "POST":
            with transaction.atomic():
                if invitation.withdraw(row, timezone.now()):
                    audit.record(audit.actor_of(request), "invitation.withdrawn", row, owner=row.owner)
                    messages.success(request, f"{row.email} can no longer use the link.")
        return redirect("admin:accounts_invitation_change", pk)

    def _pending(self, request: HttpRequest, pk: int) -> Invitation:
        row: Invitation | None = self.get_queryset(request).filter(pk=pk, accepted_at=None).first()
        if row is None or row.withdrawn_at:
            raise Http404
        return row

    def _say(self, request: HttpRequest, row: Invitation, why: str) -> None:
        if why:
            messages.warning(request, f"No mail was sent. {why}")
        else:
            where = mailer().where()
            messages.success(request, f"{row.email} gets a mail with a link that works for a week. {where}")
