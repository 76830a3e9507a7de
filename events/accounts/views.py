"""Pages of the second factor: set it up, give its code, make new recovery codes, take it away."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.accounts import audit, recovery, second_factor
from events.accounts.forms import CodeForm

WRONG = "That code is not right, or was used already. After several wrong ones wait some minutes."


@never_cache
@staff_member_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Ask for the code after the password."""
    device = second_factor.device_of(request.user)
    if device is None or _is_verified(request):
        return redirect(_next(request))
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if second_factor.check(request, device, form.cleaned_data["code"]):
            return redirect(_next(request))
        form.add_error("code", WRONG)
    return _page(request, "second_factor/check.html", "Second factor", form=form, next=_next(request))


@never_cache
@staff_member_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def manage(request: HttpRequest) -> HttpResponse:
    """Set it up where there is none; look after it where there is one."""
    device = second_factor.device_of(request.user)
    if device is None:
        return _set_up(request)
    if not _is_verified(request):
        return redirect(f"{reverse('second-factor-check')}?next={reverse('second-factor')}")
    return _look_after(request, device)


def _set_up(request: HttpRequest) -> HttpResponse:
    draft = second_factor.draft_of(request.user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        codes = second_factor.confirm(request, draft, form.cleaned_data["code"])
        if codes is not None:
            return _codes(request, codes)
        form.add_error("code", WRONG)
    return _page(
        request,
        "second_factor/set_up.html",
        "Set up a second factor",
        form=form,
        qr=second_factor.qr_of(draft),
        secret=second_factor.secret_of(draft),
        is_required=second_factor.is_required(request.user),
    )


def _look_after(request: HttpRequest, device: TOTPDevice) -> HttpResponse:
    form = CodeForm(request.POST or None)
    is_required = second_factor.is_required(request.user)
    if request.method == "POST" and form.is_valid():
        user: Any = request.user  # a person: who has set one up has an account
        if not second_factor.check(request, device, form.cleaned_data["code"]):
            form.add_error("code", WRONG)
        elif "remove" not in request.POST:
            audit.record(audit.actor_of(request), "factor.codes_made", user)
            return _codes(request, recovery.make(user))
        elif not is_required:
            audit.record(audit.actor_of(request), "factor.removed", user)
            second_factor.remove(user)
            messages.success(request, "The second factor is removed.")
            return redirect("admin:index")
        else:
            form.add_error("code", "Your account must have a second factor.")
    left = recovery.RecoveryCode.objects.filter(user_id=device.user_id).count()
    return _page(
        request, "second_factor/manage.html", "Second factor", form=form, left=left, is_required=is_required
    )


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(
        request, "second_factor/codes.html", "Recovery codes", codes="\n".join(codes), next=_next(request)
    )


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})


def _is_verified(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_verified())


def _next(request: HttpRequest) -> str:
    """Return the path that the person was going to, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # A path only: `redirect` would take another text for the name of a view.
    return wanted if is_ours and wanted.startswith("/") else reverse("admin:index")
