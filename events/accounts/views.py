"""Pages for accounts: the login, the second factor, invitations and password resets.

GET changes nothing on pages that mails link to, since mail scanners follow every link.
"""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth import login
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import (
    PasswordResetCompleteView,
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.access import person_of
from events.accounts import audit, invitation, logins, passwords, second_factor
from events.accounts.invitation import Invitation
from events.accounts.mailing import mailer

if TYPE_CHECKING:  # unfold has no types
    from django.contrib.admin.forms import AdminAuthenticationForm as UnfoldLogin
    from django.forms import TextInput as UnfoldInput
else:
    from unfold.forms import AuthenticationForm as UnfoldLogin
    from unfold.widgets import UnfoldAdminTextInputWidget as UnfoldInput


class LoginForm(UnfoldLogin):
    """The login form. It responds equally whether or not the account exists."""

    def clean(self) -> dict[str, object]:
        """Check the password, unless the person has to wait."""
        name = str(self.cleaned_data.get("username") or "")
        network = getattr(self.request, "network_hash", "")
        if wait := logins.count_login(name, network, timezone.now()):
            unit = "second" if wait == 1 else "seconds"
            raise ValidationError(f"Too many failed logins. Try again in {wait} {unit}.", code="throttled")
        data = super().clean()
        logins.login_succeeded(name, network, timezone.now())
        return dict(data or {})


class CodeForm(forms.Form):
    """A code of the second factor, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        label="Code",
        widget=UnfoldInput(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "autocapitalize": "none"}
        ),
    )

    def clean_code(self) -> str:
        """Remove the blanks that people and phones insert into codes."""
        return "".join(str(self.cleaned_data["code"]).split())


WRONG = "The code is wrong or was already used. After several wrong codes, wait a few minutes."


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
    """Set up a second factor, or manage an existing one."""
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
        user = person_of(request)  # who has set one up has an account
        if not second_factor.check(request, device, form.cleaned_data["code"]):
            form.add_error("code", WRONG)
        elif "remove" not in request.POST:
            audit.record(audit.actor_of(request), "factor.codes_made", user)
            return _codes(request, second_factor.make_recovery_codes(user))
        elif not is_required:
            audit.record(audit.actor_of(request), "factor.removed", user)
            second_factor.remove(user)
            messages.success(request, "The second factor was removed.")
            return redirect("admin:index")
        else:
            form.add_error("code", "Your account must have a second factor.")
    left = second_factor.RecoveryCode.objects.filter(user_id=device.user_id).count()
    return _page(
        request, "second_factor/manage.html", "Second factor", form=form, left=left, is_required=is_required
    )


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(
        request, "second_factor/codes.html", "Recovery codes", codes="\n".join(codes), next=_next(request)
    )


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


if TYPE_CHECKING:  # unfold has no types
    from django.forms import EmailInput as Email
    from django.forms import PasswordInput as Password

    SetPassword = SetPasswordForm[User]
else:
    from unfold.widgets import UnfoldAdminEmailInputWidget as Email
    from unfold.widgets import UnfoldAdminPasswordWidget as Password

    SetPassword = SetPasswordForm

_BACKEND = "django.contrib.auth.backends.ModelBackend"


class NewPasswordForm(SetPassword):
    """The form of a new password, entered twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget = Password(attrs={"autocomplete": "new-password"})


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation, with the account that is logged in or a new one."""
    found = invitation.of_token(token, timezone.now())
    if found is None:
        return _page(request, "accounts/invalid_invitation.html", "This invitation can't be used", status=404)
    if isinstance(request.user, User):
        return _accept_as(request, found, request.user)
    if invitation.has_account(found):
        there = f"{reverse('admin:login')}?next={request.path}"
        return _page(request, "accounts/log_in.html", f"Join {found.owner}", invitation=found, login=there)
    account = User(username=found.email.lower(), email=found.email)
    form = NewPasswordForm(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _accept_new(request, found, form.cleaned_data["new_password1"])
    return _page(request, "accounts/set_up.html", f"Join {found.owner}", invitation=found, form=form)


def _accept_as(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    if request.method != "POST":
        return _page(request, "accounts/accept.html", f"Join {found.owner}", invitation=found)
    if invitation.accept(found, user, actor=audit.actor_of(request), now=timezone.now()):
        messages.success(request, f"You are now a member of {found.owner}.")
    return redirect("admin:index")


def _accept_new(request: HttpRequest, found: Invitation, password: str) -> HttpResponse:
    address_hash = getattr(request, "address_hash", "")
    try:
        user = invitation.accept_new(found, password, address_hash=address_hash, now=timezone.now())
    except IntegrityError:  # the same form twice at once
        user = None
    if user is None:
        return redirect("admin:login")
    login(request, user, backend=_BACKEND)
    messages.success(request, f"Welcome. You are now a member of {found.owner} and log in as {user}.")
    return redirect("admin:index")


class ResetForm(PasswordResetForm):
    """The form of a password reset. Its answer doesn't tell whether the account exists."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail address"
        self.fields["email"].widget = Email(attrs={"autocomplete": "email", "autofocus": ""})


class SiteContext:
    """Mixin with the admin's context, for pages without a login."""

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        """Add the context of the admin's pages."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # of a view
        return {**admin.site.each_context(self.request), **context}  # type: ignore[attr-defined]  # as above


class RequestReset(SiteContext, PasswordResetView):
    """The page on which a person requests a link to a new password."""

    template_name = "accounts/request_reset.html"
    form_class = ResetForm
    success_url = reverse_lazy("password_reset_done")
    title = "Forgotten your password"

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Have the link mailed to the accounts with this address, within the limit."""
        email, now = form.cleaned_data["email"], timezone.now()
        if wait := logins.count_reset(email.lower(), getattr(self.request, "network_hash", ""), now):
            minutes = -(-wait // 60)
            said = "a minute" if minutes == 1 else f"{minutes} minutes"
            form.add_error("email", f"Too many links were requested. Try again in {said}.")
            return self.form_invalid(form)
        passwords.request_reset(email, now)
        return redirect(self.get_success_url())


class ResetRequested(SiteContext, PasswordResetDoneView):
    """The page after the request, whether or not the account exists."""

    template_name = "accounts/reset_requested.html"
    title = "Check your mailbox"

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        """Add where mails are written without a mail server."""
        return super().get_context_data(where=mailer().where(), **kwargs)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SetNewPassword(SiteContext, PasswordResetConfirmView):
    """The page that sets the new password. All sessions of the account end, as Django ties them to it."""

    template_name = "accounts/new_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("password_reset_complete")

    def get_context_data(self, **kwargs: object) -> dict[str, Any]:
        """Add a title that says whether the link can be used."""
        context = super().get_context_data(**kwargs)
        title = "Choose a new password" if context["validlink"] else "This link can't be used"
        return {**context, "title": title}

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        """Set the password, and record that in the audit trail."""
        response = super().form_valid(form)
        user: Any = self.user
        actor = audit.Actor(user.get_username(), user.pk, getattr(self.request, "address_hash", ""))
        audit.record(actor, "person.password_reset", user)
        return response


class PasswordIsSet(SiteContext, PasswordResetCompleteView):
    """The page after the new password is set."""

    template_name = "accounts/password_is_set.html"
    title = "Your new password is set"


def _page(
    request: HttpRequest, template: str, title: str, status: int = 200, **context: object
) -> HttpResponse:
    more = {**admin.site.each_context(request), "title": title, **context}
    return render(request, template, more, status=status)
