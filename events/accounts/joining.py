"""Pages that mails about accounts lead to: accept an invitation, ask for a new password, set it.

What only looks (GET) changes nothing, since programs that guard mailboxes follow every link.
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
    """A password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget = Password(attrs={"autocomplete": "new-password"})


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation: as who is logged in, or with a new account."""
    found = invitation.of_token(token, timezone.now())
    if found is None:
        return _page(request, "accounts/void.html", "This invitation can't be used", status=404)
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
    """Whose password is forgotten. The answer is the same whether there is such an account or not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail address"
        self.fields["email"].widget = Email(attrs={"autocomplete": "email", "autofocus": ""})


class Look:
    """The look of the pages that need no log-in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what the admin's pages have."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # of a view
        return {**admin.site.each_context(self.request), **context}  # type: ignore[attr-defined]  # as above


class Forgotten(Look, PasswordResetView):
    """Ask for a link by mail."""

    template_name = "accounts/forgotten.html"
    form_class = ResetForm
    success_url = reverse_lazy("password_reset_done")
    title = "Forgotten password"

    def form_valid(self, form: Any) -> HttpResponse:
        """Have a link mailed to whoever has the address, if anybody; not too often."""
        email, now = form.cleaned_data["email"], timezone.now()
        if wait := throttle.count_reset(email.lower(), getattr(self.request, "network_hash", ""), now):
            minutes = -(-wait // 60)
            said = "a minute" if minutes == 1 else f"{minutes} minutes"
            form.add_error("email", f"Too many links were requested. Try again in {said}.")
            return self.form_invalid(form)
        resetting.ask(email, now)
        return redirect(self.get_success_url())


class Asked(Look, PasswordResetDoneView):
    """The link is on its way, if there is such an account."""

    template_name = "accounts/asked.html"
    title = "Check your mailbox"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With where mails go without a mail server."""
        return super().get_context_data(where=mailer().where(), **kwargs)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class Reset(Look, PasswordResetConfirmView):
    """Set the new password. The person's sessions end, since Django ties them to the password."""

    template_name = "accounts/new_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("password_reset_complete")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it, and note it."""
        response = super().form_valid(form)
        user: Any = self.user
        actor = audit.Actor(user.get_username(), user.pk, getattr(self.request, "address_hash", ""))
        audit.record(actor, "person.password_reset", user)
        return response


class Done(Look, PasswordResetCompleteView):
    """The new password holds."""

    template_name = "accounts/reset.html"
    title = "Your new password is set"


def _page(request: HttpRequest, template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
    more = {**admin.site.each_context(request), "title": title, **context}
    return render(request, template, more, status=status)
