"""Members in the admin: who sees what of an owner."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Field
from django.http import HttpRequest

from events.admin.audited import AuditedAdmin
from events.admin.base import EmptyState, OwnedAdmin
from events.admin.scope import scope_of
from events.ownership.membership import Membership
from events.ownership.owner import Owner

CHOSEN_ONCE = ("user", "owner")


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


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin, OwnedAdmin):
    """People's roles. Members see who else is one; leads and operators change it."""

    audit_noun = "member"
    audit_fields = ("user", "owner", "role")
    list_display = ("user", "owner", "role")
    list_select_related = ("user", "owner")
    search_fields = ("user__username", "owner__name")
    search_help_text = "Name of the person or the owner"
    fields = ("user", "owner", "role")
    empty_state = EmptyState(
        "No members yet",
        "A member sees the events of an owner; a lead also manages its members, keys and settings.",
    )

    def audit_owner(self, row: Membership) -> Owner:
        """The owner that it is of."""
        return row.owner

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Leads name the person, operators choose."""
        if obj is None and not scope_of(request).is_operator:
            kwargs["form"] = MemberForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who, of what, as what."""
        names_person = obj is None and not scope_of(request).is_operator
        return ("username", "owner", "role") if names_person else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only the role of a member changes."""
        return () if obj is None else CHOSEN_ONCE

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Owners are offered of those that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = scope_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leads may, for their owners."""
        return scope_of(request).leads_any

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may."""
        scope = scope_of(request)
        return scope.is_operator or (obj is not None and scope.leads(obj.owner_id))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may."""
        return self.has_change_permission(request, obj)
