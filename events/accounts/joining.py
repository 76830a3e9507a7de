"""Pages for accounts: accept an invitation, request a password reset, set a new password.

GET changes nothing, since mail scanners follow every link.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import (
    PasswordResetCompleteView,
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from events.accounts import audit, invitation, resetting, throttle
from events.accounts.invitation import Invitation
from events.accounts.mailing import mailer

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
def accept(request: HttpRequest, token: str) -> HttpResponse:
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
    """Mixin with the admin's context, for pages without a log-in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the context of the admin's pages."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # of a view
        return {**admin.site.each_context(self.request), **context}  # type: ignore[attr-defined]  # as above


class RequestReset(SiteContext, PasswordResetView):
    """The page on which a person requests a link to a new password."""

    template_name = "accounts/request_reset.html"
    form_class = ResetForm
    success_url = reverse_lazy("password_reset_done")
    title = "Forgotten password"

    def form_valid(self, form: Any) -> HttpResponse:
        """Have the link mailed to the accounts with this address, within the limit."""
        email, now = form.cleaned_data["email"], timezone.now()
        if wait := throttle.count_reset(email.lower(), getattr(self.request, "network_hash", ""), now):
            minutes = -(-wait // 60)
            said = "a minute" if minutes == 1 else f"{minutes} minutes"
            form.add_error("email", f"Too many links were requested. Try again in {said}.")
            return self.form_invalid(form)
        resetting.ask(email, now)
        return redirect(self.get_success_url())


class ResetRequested(SiteContext, PasswordResetDoneView):
    """The page after the request, whether or not the account exists."""

    template_name = "accounts/reset_requested.html"
    title = "Check your mailbox"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where mails are written without a mail server."""
        return super().get_context_data(where=mailer().where(), **kwargs)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SetNewPassword(SiteContext, PasswordResetConfirmView):
    """The page that sets the new password. All sessions of the account end, as Django ties them to it."""

    template_name = "accounts/new_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("password_reset_complete")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a title that says whether the link can be used."""
        context = super().get_context_data(**kwargs)
        title = "Choose a new password" if context["validlink"] else "This link can't be used"
        return {**context, "title": title}

    def form_valid(self, form: Any) -> HttpResponse:
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


def _page(request: HttpRequest, template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
    more = {**admin.site.each_context(request), "title": title, **context}
    return render(request, template, more, status=status)
