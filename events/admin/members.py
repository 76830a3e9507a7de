"""Members in the admin: who sees what of an owner."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Field
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from events.access import access_of, is_last_lead
from events.admin.audited import AuditedAdmin
from events.admin.base import EmptyState, OwnedAdmin
from events.admin.linked import linked
from events.ownership.membership import Membership, Role
from events.ownership.owner import Owner

CHOSEN_ONCE = ("user", "owner")
LAST_LEAD = (
    "{person} is the last lead of {owner}: without one nobody of the team could manage its members and keys."
    " Make somebody else a lead first, or ask an operator."
)


# What pages call them, as the navigation does. Not as Meta options, which would need a migration.
Membership._meta.verbose_name, Membership._meta.verbose_name_plural = "member", "members"


class MemberForm(forms.ModelForm[Membership]):
    """A lead names the person: a choice would tell who else has an account."""

    username = forms.CharField(
        max_length=150, help_text="The name that the person logs in with. Operators make accounts."
    )

    class Meta:
        model = Membership
        fields = ("owner", "role")

    def clean_username(self) -> str:
        """The name of an account that there is."""
        name: str = self.cleaned_data["username"]
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise forms.ValidationError("Nobody logs in with that name.")
        self.instance.user = user
        return name

    def clean(self) -> dict[str, Any]:
        """Nobody is a member twice. Django looks only where the person is a field."""
        data: dict[str, Any] = super().clean() or {}
        owner = data.get("owner")
        if owner and data.get("username"):
            there = Membership.objects.filter(owner=owner, user__username=data["username"])
            if there.exists():
                self.add_error("username", f"Is a member of {owner} already.")
        return data


class RoleForm(forms.ModelForm[Membership]):
    """What may change of a member, for leads."""

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_role(self) -> str:
        """An owner keeps a lead."""
        role: str = self.cleaned_data["role"]
        if role != Role.LEAD and is_last_lead(Membership.objects.get(pk=self.instance.pk)):
            raise forms.ValidationError(
                LAST_LEAD.format(person=self.instance.user, owner=self.instance.owner)
            )
        return role


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin, OwnedAdmin):
    """People's roles. Members see who else is one; leads and operators change it."""

    audit_noun = "member"
    audit_fields = ("user", "owner", "role")
    list_display = ("person", "owner", "role")
    list_select_related = ("user", "owner")
    search_fields = ("user__username", "owner__name")
    search_help_text = "Name of the person or the owner"
    fields = ("user", "owner", "role")
    empty_state = EmptyState(
        "No members yet",
        "A member sees the events of an owner; a lead also manages its members, keys and settings.",
    )

    @admin.display(description="Person", ordering="user__username")
    def person(self, row: Membership) -> str:
        """The name that the person logs in with."""
        return str(row.user)

    def audit_owner(self, row: Membership) -> Owner:
        """The owner that it is of."""
        return row.owner

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Leads name the person, operators choose."""
        if not access_of(request).is_operator:
            kwargs["form"] = MemberForm if obj is None else RoleForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who, of what, as what."""
        names_person = obj is None and not access_of(request).is_operator
        if names_person:
            return ("username", "owner", "role")
        return linked(request, self.fields, CHOSEN_ONCE) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only the role of a member changes."""
        return () if obj is None else linked(request, CHOSEN_ONCE)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Owners are offered of those that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Remove a member; the last lead only as an operator."""
        with transaction.atomic():
            row: Membership | None = self.get_object(request, unquote(object_id))
            if row is None or access_of(request).is_operator or not self._is_kept(request, row):
                return super().delete_view(request, object_id, extra_context)
        messages.error(request, LAST_LEAD.format(person=row.user, owner=row.owner))
        return redirect("admin:events_membership_change", row.pk)

    def _is_kept(self, request: HttpRequest, row: Membership) -> bool:
        return self.has_delete_permission(request, row) and is_last_lead(row)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leads may, for their owners."""
        return access_of(request).leads_any

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.owner_id))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may."""
        return self.has_change_permission(request, obj)
