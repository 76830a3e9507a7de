"""Rotation of a key: a page that says what will happen, then makes the new key and shows it once."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from events.access import access_of
from events.accounts import audit
from events.admin.base import TallyAdmin
from events.ownership import provisioning, senders
from events.ownership.api_key import ApiKey
from events.ownership.provisioning import Provisioned

# How long the old key goes on: the form's value, days, and how a person says it.
GRACES = {"0": (0, "at once"), "1": (1, "in one day"), "7": (7, "in 7 days"), "30": (30, "in 30 days")}
USUAL = "7"


class RotatedKeys(TallyAdmin):
    """Keys that can be replaced by new ones with the same rights."""

    def get_urls(self) -> list[Any]:
        """The page beside those of Django."""
        view = self.admin_site.admin_view(self.rotate)
        return [path("<int:key>/rotate/", view, name="events_apikey_rotate"), *super().get_urls()]

    def shown_once(self, request: HttpRequest, made: Provisioned, more: str = "") -> HttpResponse:
        """Return the page of a new key as the response to its form. The text isn't stored in a cookie or
        session, and browsers don't cache the page.
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
        """Ask for the grace, then do it."""
        old: ApiKey | None = self.get_object(request, str(key))
        if old is None or not self.has_change_permission(request, old):
            raise PermissionDenied
        back = reverse("admin:events_apikey_change", args=[old.pk])
        if old.revoked_at or (old.expires_at and old.expires_at <= timezone.now()):
            messages.error(request, "This key is no longer in use: make a new one instead.")
            return redirect(back)
        if not access_of(request).could_make(old):
            messages.error(
                request,
                "This key is a person's own, or for owners that you don't lead: an operator can replace it.",
            )
            return redirect(back)
        grace = GRACES.get(request.POST.get("grace", ""))
        if request.method == "POST" and grace is not None:
            made = _replace(request, old, *grace)
            return self.shown_once(request, made, f"The old key, {old}, ends {grace[1]}.")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Rotate {old}",
            "key": old,
            "graces": [(value, said) for value, (_, said) in GRACES.items()],
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
