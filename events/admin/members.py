"""Members in the admin: who sees what of an owner."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from events.access import access_of, is_last_lead
from events.admin.audited import AuditedAdmin
from events.admin.base import EmptyState, OwnedAdmin
from events.admin.columns import NOTHING
from events.admin.linked import linked
from events.admin.member_leaving import LAST_LEAD, LeavingMembers
from events.ownership.membership import Membership, Role
from events.ownership.owner import Owner

CHOSEN_ONCE = ("user", "owner")
# What pages call them, as the navigation does. Not as Meta options, which would need a migration.
Membership._meta.verbose_name, Membership._meta.verbose_name_plural = "member", "members"


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
class MembershipAdmin(LeavingMembers, AuditedAdmin, OwnedAdmin):
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
        "A member sees the events of an owner. A lead also manages its members, keys and settings, and"
        " invites people by e-mail: Settings → Invitations.",
    )

    @admin.display(description="Person", ordering="user__username")
    def person(self, row: Membership) -> str:
        """The name that the person logs in with."""
        return str(row.user)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Add a column with a link to leave, or to remove the member."""

        @admin.display(description="End")
        def end(row: Membership) -> str:
            if not self.has_delete_permission(request, row):
                return NOTHING
            said = "Leave" if access_of(request).is_person(row.user_id) else "Remove"
            url = reverse("admin:events_membership_delete", args=[row.pk])
            return format_html('<a class="tally-rotate" href="{}">{}</a>', url, said)

        return (*super().get_list_display(request), end)

    def audit_owner(self, row: Membership) -> Owner:
        """The owner that it is of."""
        return row.owner

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Let leads change only the role, and keep the last lead."""
        if not access_of(request).is_operator:
            kwargs["form"] = RoleForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who, of what, as what."""
        return linked(request, self.fields, CHOSEN_ONCE) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only the role of a member changes."""
        return () if obj is None else linked(request, CHOSEN_ONCE)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Owners are offered of those that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """True for operators. Leads invite people instead, who accept."""
        return access_of(request).is_operator

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads of its owner may."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.owner_id))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """True for leads of its owner, and for the member, who can leave."""
        is_own = obj is not None and access_of(request).is_person(obj.user_id)
        return is_own or self.has_change_permission(request, obj)
