"""Addresses in the admin: leads add contacts and ask them to confirm, and resume paused addresses."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import validate_email
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone

from events.access import access_of, person_of
from events.accounts import audit
from events.admin.base import AuditedAdmin, Context, EmptyState, Form, PageAdmin
from events.admin.display import Page, group, time_column
from events.lib.fields import AnyField
from events.managing.audited import Audited
from events.ownership.owner import Owner
from reports.mail import account_mails
from reports.mail.addresses import Address, mailbox_in, resume, vouch_for


class MailboxField(forms.CharField):
    """A field for one address, in whatever form it was pasted."""

    def to_python(self, value: object) -> str:
        """Return the bare address."""
        return mailbox_in(super().to_python(value) or "")


class AddressForm(forms.ModelForm[Address]):
    """The form that adds an owner's contact. The lead who adds it vouches for it."""

    class Meta:
        model = Address
        fields = ("owner", "address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].required = True
        self.fields["address"].required = False
        self.fields["address"].help_text = "Leave empty to use the contact from the owner's messages."

    def clean(self) -> dict[str, object]:
        """Default to the owner's contact, and refuse an address that the owner already has."""
        data = super().clean() or {}
        owner = data.get("owner")
        if owner and "address" not in self.errors and not data.get("address"):
            self._take_contact(owner, data)
        if owner and Address.objects.filter(owner=owner, address__iexact=data.get("address") or "").exists():
            self.add_error("address", "This owner already has this address.")
        return data

    def _take_contact(self, owner: Owner, data: dict[str, str]) -> None:
        try:
            data["address"] = mailbox_in(owner.contact)
            if data["address"]:
                validate_email(data["address"])
        except forms.ValidationError:
            self.add_error(
                "address",
                f"The contact of {owner}, {owner.contact}, isn't an e-mail address. Enter one,"
                " such as team@example.com.",
            )
        else:
            if not data["address"]:
                self.add_error("address", f"{owner} has no contact. Enter an address.")


@admin.register(Address)
class AddressAdmin(AuditedAdmin, PageAdmin):
    """Mail addresses, and if they may get mail."""

    form = AddressForm
    audited = Audited("address", ("owner", "address"), owner=lambda row: row.owner)
    page_template = "reports/address_page.html"
    list_display = ("address", "whose", "standing", time_column("confirmed_at"), time_column("clicked_at"))
    list_select_related = ("owner", "user")
    search_fields = ("address",)
    search_help_text = "Address"
    empty_state = EmptyState(
        "No addresses yet",
        "Add an owner's contact here. It gets a mail that asks for confirmation, and no other until then.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Address]:
        """Limit to addresses of owners that the person leads, and their own."""
        rows = super().get_queryset(request).select_related("owner", "user").prefetch_related("confirmed_by")
        access = access_of(request)
        if access.is_operator:
            return rows
        return rows.filter(models.Q(owner__in=access.led.values("pk")) | models.Q(user_id=request.user.pk))

    @admin.display(description="Of")
    def whose(self, row: Address) -> str:
        """Return the name of the person or owner with this address."""
        return str(row.owner or row.user)

    @admin.display(description="Mail")
    def standing(self, row: Address) -> str:
        """Return the status of the address."""
        return row.sentence

    def has_view_permission(self, request: HttpRequest, obj: Address | None = None) -> bool:
        """Allow leads of its owner, and the person it belongs to."""
        access = access_of(request)
        if obj is None:
            return not access.is_empty
        return access.is_person(obj.user_id) or self._leads(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow leads, for their owners."""
        return access_of(request).leads_any

    def has_delete_permission(self, request: HttpRequest, obj: Address | None = None) -> bool:
        """Allow leads of its owner."""
        return obj is not None and obj.owner_id is not None and self._leads(request, obj)

    def _leads(self, request: HttpRequest, row: Address) -> bool:
        access = access_of(request)
        return access.is_operator or (row.owner_id is not None and access.leads(row.owner_id))

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer only owners that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        if db_field.name == "address":
            kwargs["form_class"] = MailboxField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Address | None = None) -> tuple[str, ...]:
        """Return the fields of the form."""
        return ("owner", "address")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context = None,
    ) -> HttpResponse:
        """Show a form to add an address, and a page for an existing one."""
        if object_id is None:
            return super(PageAdmin, self).changeform_view(request, None, form_url, extra_context)
        found = self.get_object(request, object_id)
        more = {"leads": found is not None and self._leads(request, found)}
        return super().changeform_view(request, object_id, form_url, {**more, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Address, form: Form, change: bool) -> None:
        """Save, record the person as vouching for the address, and ask for confirmation."""
        obj.confirmed_by_id, obj.confirmed_at = request.user.pk, timezone.now()
        super().save_model(request, obj, form, change)
        self._ask(request, obj)

    def page(self, request: HttpRequest, row: Address) -> Page:
        """Show the status of the address."""
        return Page(
            sentence=row.sentence,
            groups=(
                group("Where", row, ("address", "owner", "user")),
                group("Confirmation", row, ("confirmed_by", "confirmed_at", "clicked_at", "unwanted")),
                group("Failures", row, ("failures", "paused_at", "paused_why")),
            ),
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons of the page."""
        views = {"ask": self.ask_view, "resume": self.resume_view}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"mail_address_{name}")
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for confirmation again."""
        address = self._led(request, pk)
        if request.method == "POST" and address.may_be_asked:
            with transaction.atomic():
                vouch_for(address, person_of(request), timezone.now())
                if self._ask(request, address):
                    audit.record(audit.actor_of(request), "address.asked", address, owner=address.owner)
        return redirect("admin:mail_address_change", pk)

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Resume a paused address."""
        address = self._led(request, pk)
        if request.method == "POST":
            with transaction.atomic():
                if resume(pk):
                    audit.record(audit.actor_of(request), "address.resumed", address, owner=address.owner)
                    messages.success(request, "The address gets mail again.")
        return redirect("admin:mail_address_change", pk)

    def _led(self, request: HttpRequest, pk: int) -> Address:
        address: Address | None = self.get_queryset(request).filter(pk=pk).first()
        if address is None or not self._leads(request, address):
            raise Http404
        return address

    def _ask(self, request: HttpRequest, address: Address) -> bool:
        """Ask for confirmation; True if a mail is sent."""
        if why := account_mails.ask_to_confirm(address, person_of(request), timezone.now()):
            messages.warning(request, why)
            return False
        messages.info(
            request, f"A mail that asks for confirmation will be sent to {address} within two minutes."
        )
        return True
