"""Pages whose changes go into the audit trail."""

from typing import Any

from django.db import models
from django.http import HttpRequest

from events.accounts import audit
from events.admin.base import TallyAdmin
from events.ownership.owner import Owner

_BEFORE = "tally_audit_before"


class AuditedAdmin(TallyAdmin):
    """Notes what was made, changed and removed, in the transaction that does it."""

    audit_noun = ""  # of the actions: NOUN.made, NOUN.changed, NOUN.removed
    audit_fields: tuple[str, ...] = ()

    def audit_owner(self, row: Any) -> Owner | None:
        """Whose leads see it."""
        return None

    def audit_action(self, before: dict[str, Any], after: dict[str, Any]) -> str:
        """What a change is called."""
        return f"{self.audit_noun}.changed"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember how it was."""
        if change:
            stored = type(obj)._default_manager.get(pk=obj.pk)
            setattr(request, _BEFORE, audit.state(stored, self.audit_fields))
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Note it."""
        self._note(request, f"{self.audit_noun}.made", obj, after=audit.state(obj, self.audit_fields))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Note what changed, if anything did."""
        before = getattr(request, _BEFORE, None)
        if before is None:  # Django changes a person's password past save_model
            self._note(request, f"{self.audit_noun}.password_changed", obj)
        else:
            after = audit.state(obj, self.audit_fields)
            if before != after:
                self._note(request, self.audit_action(before, after), obj, before=before, after=after)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Note what is about to go."""
        for row in queryset:
            self._note(request, f"{self.audit_noun}.removed", row, before=audit.state(row, self.audit_fields))
        return super().log_deletions(request, queryset)

    def _note(
        self,
        request: HttpRequest,
        action: str,
        row: models.Model,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        owner = self.audit_owner(row)
        audit.record(audit.actor_of(request), action, row, owner=owner, before=before, after=after)
