"""API keys in the admin: created, shown once, rotated, expired, revoked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ManyToManyField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from events.access import access_of
from events.accounts import audit
from events.admin.base import AuditedAdmin, EmptyState, Form, OwnedAdmin, TallyAdmin, linked_fields
from events.admin.display import NOTHING, time_column
from events.lib.fields import AnyField
from events.managing.keys import AUDITED, ChangeKeyForm, MakeKeyForm
from events.ownership import provisioning, senders
from events.ownership.api_key import ApiKey, Permission, give_text
from events.ownership.provisioning import Provisioned

# How long the old key remains valid: value of the form, days, and text.
GRACE_PERIODS = {"0": (0, "at once"), "1": (1, "in one day"), "7": (7, "in 7 days"), "30": (30, "in 30 days")}
USUAL = "7"


class RotatableKeys(TallyAdmin):
    """Keys that can be replaced by new ones with the same rights."""

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the rotation page."""
        view = self.admin_site.admin_view(self.rotate)
        return [path("<int:key>/rotate/", view, name="events_apikey_rotate"), *super().get_urls()]

    def shown_once(self, request: HttpRequest, made: Provisioned, more: str = "") -> HttpResponse:
        """Return the page of a new key as the response to its form.

        The text isn't stored in a cookie or session, and browsers don't cache the page.
        """
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New API key",
            "key": made.key,
            "text": made.text,
            "more": more,
        }
        response = TemplateResponse(request, "admin/new_key.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def rotate(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask when the old key is to end, then create the new one."""
        old: ApiKey | None = self.get_object(request, str(key))
        if old is None or not self.has_change_permission(request, old):
            raise PermissionDenied
        back = reverse("admin:events_apikey_change", args=[old.pk])
        if old.revoked_at or (old.expires_at and old.expires_at <= timezone.now()):
            messages.error(request, "This key is no longer in use. Create a new one instead.")
            return redirect(back)
        if not access_of(request).could_make(old):
            messages.error(
                request,
                "This key is personal, or is for owners that you don't lead. Ask an operator to replace it.",
            )
            return redirect(back)
        grace = GRACE_PERIODS.get(request.POST.get("grace", ""))
        if request.method == "POST" and grace is not None:
            made = _replace(request, old, *grace)
            return self.shown_once(request, made, f"The old key, {old}, ends {grace[1]}.")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Rotate {old}",
            "key": old,
            "graces": [(value, said) for value, (_, said) in GRACE_PERIODS.items()],
            "usual": USUAL,
            "back": back,
        }
        return TemplateResponse(request, "admin/key_rotation.html", context)


def _replace(request: HttpRequest, old: ApiKey, days: int, said: str) -> Provisioned:
    with transaction.atomic():
        made = provisioning.replace(old, by=request.user.pk, ends_at=timezone.now() + timedelta(days=days))
        audit.record(
            audit.actor_of(request),
            "key.rotated",
            old,
            owner=old.default_owner,
            after={"by": str(made.key), "ends": said},
        )
    senders.forget()  # this process at once, the others within seconds
    return made


MADE = ("name", "type", "permissions", "default_owner", "owners", "expires_at")
MADE_BY_OPERATORS = (*MADE[:-1], "all_owners", "open_to_anyone", "user", "expires_at")
_TEXT = "tally_key_text"  # attribute of the request with the text of its new key
LAST_USED = time_column("last_used_at", never="never")
FIXED = (
    "state",
    "type",
    "may",
    "prefix",
    "organization",
    "default_owner",
    "owners",
    "all_owners",
    "user",
    "created_by",
    time_column("created_at"),
    LAST_USED,
    time_column("revoked_at"),
    time_column("exposed_at"),
    "malformed",
)

MAY = {Permission.WRITE: "writes", Permission.READ: "reads", Permission.MANAGE: "manages"}


@admin.register(ApiKey)
class ApiKeyAdmin(RotatableKeys, AuditedAdmin, OwnedAdmin):
    """API keys. Leads of an owner create keys for it."""

    owner_path = "default_owner_id"
    audited = AUDITED
    list_display = (
        "shown",
        "name",
        "may",
        "default_owner",
        "state",
        time_column("last_used_at", "Last used (UTC)", never="never"),
        "rotation",
    )
    list_select_related = ("default_owner",)
    search_fields = ("name", "prefix")
    search_help_text = "Name or prefix"
    empty_state = EmptyState(
        "No keys yet",
        "Applications need a key to send events. Leads create keys here, operators also with a command:",
        ('python manage.py create_key --owner "My team"',),
    )

    @admin.display(description="Key")
    def shown(self, key: ApiKey) -> str:
        """Return the mark and prefix of the key."""
        return str(key)

    @admin.display(description="May")
    def may(self, key: ApiKey) -> str:
        """Return the permissions in words."""
        told = " and ".join(MAY[each] for each in key.permissions)
        return f"{told}, {'all owners' if key.all_owners else 'named owners'}"

    @admin.display(description="Rotate")
    def rotation(self, key: ApiKey) -> str:
        """Return the link to the rotation page."""
        if key.revoked_at or _is_over(key):
            return NOTHING
        return format_html(
            '<a class="tally-rotate" href="{}">Rotate</a>',
            reverse("admin:events_apikey_rotate", args=[key.pk]),
        )

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        """Return the state in words."""
        if key.revoked_at:
            return "revoked"
        if key.expires_at is None:
            return "in use"
        return "ended" if _is_over(key) else format_html("in use until {}", _until(key.expires_at))

    def get_form(
        self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: object
    ) -> Any:
        """Return the form to create a key, or the one to change it."""
        made: Any = super().get_form(
            request, obj, change, **{"form": ChangeKeyForm if obj else MakeKeyForm, **kwargs}
        )
        made.access = access_of(request)
        return made

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Return the fields that may be set, followed by read-only ones."""
        if obj is None:
            return MADE_BY_OPERATORS if access_of(request).is_operator else MADE
        may_revoke = self.has_change_permission(request, obj) and obj.revoked_at is None
        # A key for more owners than the person sees doesn't reveal their names.
        access = access_of(request)
        is_whole = access.is_operator or all(access.has(owner.pk) for owner in obj.owners.all())
        fixed = linked_fields(request, (name for name in FIXED if name != "owners" or is_whole))
        return ("name", "expires_at", *(("revoke",) if may_revoke else ()), *fixed)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Return the fields that can't be changed: nearly all of them."""
        return () if obj is None else linked_fields(request, FIXED)

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Offer the owners whose keys the person manages."""
        if db_field.name in ("default_owner", "owners"):
            kwargs["queryset"] = access_of(request).led
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(db_field, ManyToManyField):
            field.help_text = db_field.help_text
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:
        """True for leads."""
        return access_of(request).leads_any

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """True for leads of the key's owner."""
        access = access_of(request)
        return access.is_operator or (obj is not None and access.leads(obj.default_owner_id))

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """False: requests and accounts refer to keys. Revoke them instead."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Form, change: bool) -> None:
        """Create a key, to be shown once, or change it."""
        if change:
            if form.cleaned_data.get("revoke"):
                obj.revoked_at = timezone.now()
            super().save_model(request, obj, form, change)
            senders.forget()  # this process at once, the others within seconds
            return
        setattr(request, _TEXT, give_text(obj))
        obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the new key, only once."""
        return self.shown_once(request, Provisioned(obj, getattr(request, _TEXT)))


def _is_over(key: ApiKey) -> bool:
    return key.expires_at is not None and key.expires_at <= timezone.now()


def _until(at: datetime) -> str:
    at = at.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M}")
