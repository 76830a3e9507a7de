"""Members of owners in the admin: added, given another role, removed with their keys."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from events.access import access_of
from events.accounts import audit
from events.accounts import members as membership_end
from events.admin.base import AuditedAdmin, EmptyState, OwnedAdmin, TallyAdmin, linked_fields
from events.admin.display import NOTHING, Columns
from events.lib.fields import AnyField
from events.managing.members import AUDITED, RoleForm, is_needed, last_lead
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership


class RemovableMembers(TallyAdmin):
    """Admin of members with a page to remove one, or to leave."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Confirm, then remove the member. Only operators can remove the last lead."""
        row: Membership | None = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if self._is_kept(request, row):
            return self._keep(request, row)
        keys, leads = list(membership_end.keys_of(row)), list(membership_end.successors(row))
        if request.method == "POST":
            return self._end(request, row, _handed(request, keys, leads))
        is_own = row.user_id == request.user.pk
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Leave {row.owner}" if is_own else f"Remove {row.user} from {row.owner}",
            "member": row,
            "is_own": is_own,
            "own_keys": [key for key in keys if key.user_id is not None],
            "team_keys": [
                (key, [lead for lead in leads if membership_end.may_take_over(key, lead, by=request.user.pk)])
                for key in keys
                if key.user_id is None
            ],
            "leads": leads,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/member_leaving.html", context)

    def _end(self, request: HttpRequest, row: Membership, handed_to: dict[int, User]) -> HttpResponse:
        with transaction.atomic():
            if self._is_kept(request, row):  # once more: two leads may leave at once
                return self._keep(request, row)
            actor = audit.actor_of(request)
            revoked = membership_end.end_keys(row, actor=actor, now=timezone.now(), handed_to=handed_to)
            self.log_deletions(request, Membership.objects.filter(pk=row.pk))
            self.delete_model(request, row)
        keys = {0: "", 1: " 1 key was revoked."}.get(revoked, f" {revoked} keys were revoked.")
        messages.success(request, f"{row.user} is no longer a member of {row.owner}.{keys}")
        is_last = access_of(request).is_person(row.user_id) and not self._sees_any(request)
        return redirect("admin:index" if is_last else "admin:events_membership_changelist")

    @transaction.atomic
    def _is_kept(self, request: HttpRequest, row: Membership) -> bool:
        return is_needed(row, access_of(request))

    def _keep(self, request: HttpRequest, row: Membership) -> HttpResponse:
        messages.error(request, last_lead(row))
        return redirect("admin:events_membership_change", row.pk)

    def _sees_any(self, request: HttpRequest) -> bool:
        return bool(self.get_queryset(request).exists())


def _handed(request: HttpRequest, keys: list[ApiKey], leads: list[User]) -> dict[int, User]:
    """Return the lead who takes over each key, without keys for which no allowed lead was selected."""
    by_id = {str(lead.pk): lead for lead in leads}
    chosen = {key.pk: by_id.get(request.POST.get(f"key-{key.pk}", "")) for key in keys}
    return {key: lead for key, lead in chosen.items() if lead is not None}


CHOSEN_ONCE = ("user", "owner")
# Names on pages, the same as in the navigation. Not Meta options, which would need a migration.
Membership._meta.verbose_name, Membership._meta.verbose_name_plural = "member", "members"


@admin.register(Membership)
class MembershipAdmin(RemovableMembers, AuditedAdmin, OwnedAdmin):
    """People's roles. Members see the other members; leads and operators change roles."""

    audited = AUDITED
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
        """Return the person's username."""
        return str(row.user)

    def get_list_display(self, request: HttpRequest) -> Columns:
        """Add a column with a link to leave, or to remove the member."""

        @admin.display(description="End")
        def end(row: Membership) -> str:
            if not self.has_delete_permission(request, row):
                return NOTHING
            said = "Leave" if access_of(request).is_person(row.user_id) else "Remove"
            url = reverse("admin:events_membership_delete", args=[row.pk])
            return format_html('<a class="tally-rotate" href="{}">{}</a>', url, said)

        return (*super().get_list_display(request), end)

    def get_form(
        self, request: HttpRequest, obj: Membership | None = None, change: bool = False, **kwargs: object
    ) -> Any:
        """Let leads change only the role, and keep the last lead."""
        if not access_of(request).is_operator:
            kwargs["form"] = RoleForm
        made: Any = super().get_form(request, obj, change, **kwargs)
        made.access = access_of(request)
        return made

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """Return the fields, linked for an existing member."""
        return linked_fields(request, self.fields, CHOSEN_ONCE) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """Return the fields that can't be changed: all but the role."""
        return () if obj is None else linked_fields(request, CHOSEN_ONCE)

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer the owners that the person leads."""
        if db_field.name == "owner":
            kwargs["queryset"] = access_of(request).led
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """True for operators. Leads invite people instead, who accept."""
        return access_of(request).is_operator

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """True for leads of the owner."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.owner_id))

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """True for leads of its owner, and for the member, who can leave."""
        is_own = obj is not None and access_of(request).is_person(obj.user_id)
        return is_own or self.has_change_permission(request, obj)
