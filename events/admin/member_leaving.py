"""Removing a member, or leaving: a page that lists the keys to be revoked. Other leads may take some over."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from events.access import access_of, is_last_lead
from events.accounts import audit, leaving
from events.admin.base import TallyAdmin
from events.ownership.api_key import ApiKey
from events.ownership.membership import Membership

LAST_LEAD = (
    "{person} is the last lead of {owner}. Without a lead, nobody on the team could manage its members and"
    " keys. Make somebody else a lead first, or ask an operator."
)


class LeavingMembers(TallyAdmin):
    """Admin of members with a page to remove one, or to leave."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Confirm, then remove the member. Only operators can remove the last lead."""
        row: Membership | None = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if self._is_kept(request, row):
            return self._keep(request, row)
        keys, leads = list(leaving.keys_of(row)), list(leaving.successors(row))
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
            "team_keys": [key for key in keys if key.user_id is None],
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
            revoked = leaving.end_keys(row, actor=actor, now=timezone.now(), handed_to=handed_to)
            self.log_deletions(request, Membership.objects.filter(pk=row.pk))
            self.delete_model(request, row)
        keys = {0: "", 1: " 1 key was revoked."}.get(revoked, f" {revoked} keys were revoked.")
        messages.success(request, f"{row.user} is no longer a member of {row.owner}.{keys}")
        is_last = access_of(request).is_person(row.user_id) and not self._sees_any(request)
        return redirect("admin:index" if is_last else "admin:events_membership_changelist")

    @transaction.atomic
    def _is_kept(self, request: HttpRequest, row: Membership) -> bool:
        return not access_of(request).is_operator and is_last_lead(row)

    def _keep(self, request: HttpRequest, row: Membership) -> HttpResponse:
        messages.error(request, LAST_LEAD.format(person=row.user, owner=row.owner))
        return redirect("admin:events_membership_change", row.pk)

    def _sees_any(self, request: HttpRequest) -> bool:
        return bool(self.get_queryset(request).exists())


def _handed(request: HttpRequest, keys: list[ApiKey], leads: list[User]) -> dict[int, User]:
    """Return the lead who takes over each key, without keys for which no allowed lead was selected."""
    by_id = {str(lead.pk): lead for lead in leads}
    chosen = {key.pk: by_id.get(request.POST.get(f"key-{key.pk}", "")) for key in keys}
    return {key: lead for key, lead in chosen.items() if lead is not None}
