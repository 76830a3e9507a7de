"""Addresses in the admin: a lead confirms a contact, its reader says yes, a paused one goes on."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import validate_email
from django.db import models, transaction
from django.db.models import Field
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone

from events.access import access_of
from events.admin.base import AuditedAdmin, EmptyState, PageAdmin
from events.admin.display import Page, group, time_column
from events.ownership.owner import Owner
from reports.mail import account_mails
from reports.mail.addresses import Address, mailbox_in, resume, stand_for


class MailboxField(forms.CharField):
    """One address, however it was copied."""

    def to_python(self, value: Any) -> str:
        """Return the address without what stands around it."""
        return mailbox_in(super().to_python(value) or "")


class AddressForm(forms.ModelForm[Address]):
    """A lead stands for the address that is given."""

    class Meta:
        model = Address
        fields = ("owner", "address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].required = True
        self.fields["address"].required = False
        self.fields["address"].help_text = "Empty: the contact that came with the owner's messages."

    def clean(self) -> dict[str, Any]:
        """The contact of the owner where none is given; each address once for an owner."""
        data: dict[str, Any] = super().clean() or {}
        owner = data.get("owner")
        if owner and "address" not in self.errors and not data.get("address"):
            self._take_contact(owner, data)
        if owner and Address.objects.filter(owner=owner, address__iexact=data.get("address") or "").exists():
            self.add_error("address", "Is listed for this owner already.")
        return data

    def _take_contact(self, owner: Owner, data: dict[str, Any]) -> None:
        try:
            data["address"] = mailbox_in(owner.contact)
            if data["address"]:
                validate_email(data["address"])
        except forms.ValidationError:
            self.add_error(
                "address",
                f"The contact of {owner}, {owner.contact}, is no address that mail can be sent to: give one,"
                " for instance team@example.com.",
            )
        else:
            if not data["address"]:
                self.add_error("address", f"{owner} has no contact: give an address.")


@admin.register(Address)
class AddressAdmin(AuditedAdmin, PageAdmin):
    """Addresses that mail goes to, and whether it may."""

    form = AddressForm
    audit_noun = "address"
    audit_fields = ("owner", "address")
    page_template = "reports/address_page.html"
    list_display = ("address", "whose", "standing", time_column("confirmed_at"), time_column("clicked_at"))
    list_select_related = ("owner", "user")
    search_fields = ("address",)
    search_help_text = "Address"
    empty_state = EmptyState(
        "No addresses yet",
        "Add an owner's contact here. It gets one mail that asks, and no other before its reader says yes.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Those of owners that the person leads, and the person's own."""
        rows = super().get_queryset(request).select_related("owner", "user").prefetch_related("confirmed_by")
        access = access_of(request)
        if access.is_operator:
            return rows
        return rows.filter(models.Q(owner__in=access.led.values("pk")) | models.Q(user_id=request.user.pk))

    def audit_owner(self, row: Address) -> Owner | None:
        """The owner whose contact it is."""
        return row.owner

    @admin.display(description="Of")
    def whose(self, row: Address) -> str:
        """Whose address it is."""
        return str(row.owner or row.user)

    @admin.display(description="Mail")
    def standing(self, row: Address) -> str:
        """Whether mail may go there."""
        return row.sentence

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may, and whose it is."""
        access = access_of(request)
        if obj is None:
            return not access.is_empty
        return access.is_person(obj.user_id) or self._leads(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leads may, for their owners."""
        return access_of(request).leads_any

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may."""
        return obj is not None and obj.owner_id is not None and self._leads(request, obj)

    def _leads(self, request: HttpRequest, row: Address) -> bool:
        access = access_of(request)
        return access.is_operator or (row.owner_id is not None and access.leads(row.owner_id))

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Owners are offered of those that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        if db_field.name == "address":
            kwargs["form_class"] = MailboxField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is given."""
        return ("owner", "address")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A form to make one, a page to read one."""
        if object_id is None:
            return super(PageAdmin, self).changeform_view(request, None, form_url, extra_context)
        found = self.get_object(request, object_id)
        more = {"leads": found is not None and self._leads(request, found)}
        return super().changeform_view(request, object_id, form_url, {**more, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Address, form: Any, change: bool) -> None:
        """Who adds it stands for it; then its reader is asked."""
        obj.confirmed_by_id, obj.confirmed_at = request.user.pk, timezone.now()
        super().save_model(request, obj, form, change)
        self._ask(request, obj)

    def page(self, request: HttpRequest, row: Address) -> Page:
        """How it stands with it."""
        return Page(
            sentence=row.sentence,
            groups=(
                group("Where", row, ("address", "owner", "user")),
                group("May mail come", row, ("confirmed_by", "confirmed_at", "clicked_at", "unwanted")),
                group("Failures", row, ("failures", "paused_at", "paused_why")),
            ),
        )

    def get_urls(self) -> list[Any]:
        """The buttons of the page."""
        views = {"ask": self.ask_view, "resume": self.resume_view}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"mail_address_{name}")
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def ask_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask its reader once more."""
        address = self._led(request, pk)
        if request.method == "POST" and address.may_be_asked:
            with transaction.atomic():
                stand_for(address, request.user, timezone.now())
                if self._ask(request, address):
                    self._note(request, "address.asked", address)
        return redirect("admin:mail_address_change", pk)

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let mail go there again."""
        address = self._led(request, pk)
        if request.method == "POST":
            with transaction.atomic():
                if resume(pk):
                    self._note(request, "address.resumed", address)
                    messages.success(request, "Mail goes there again.")
        return redirect("admin:mail_address_change", pk)

    def _led(self, request: HttpRequest, pk: int) -> Address:
        address: Address | None = self.get_queryset(request).filter(pk=pk).first()
        if address is None or not self._leads(request, address):
            raise Http404
        return address

    def _ask(self, request: HttpRequest, address: Address) -> bool:
        """Ask its reader, and return whether a mail goes out."""
        if why := account_mails.ask(address, request.user, timezone.now()):
            messages.warning(request, why)
            return False
        messages.info(request, f"{address} gets a mail that asks, within a minute or two.")
        return True
