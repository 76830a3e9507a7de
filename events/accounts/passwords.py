"""Password resets: a request only stores the address, and a worker looks up its accounts.

So the response takes equally long whether or not the account exists.
"""

from datetime import datetime

from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import models, transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from events.accounts.mailing import PASSWORD, Mail, mailer

BLOCK = 100


class ResetRequest(models.Model):
    """One row per request for a new password, deleted once it is answered."""

    email = models.EmailField(max_length=254)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"request for a new password at {self.asked_at:%Y-%m-%d %H:%M}"


def request_reset(email: str, now: datetime) -> None:
    """Store a request for a link to an address."""
    ResetRequest.objects.create(email=email, asked_at=now)


def send_links(now: datetime) -> int:
    """Send a link to each account with the address of a pending request. Returns the number of requests."""
    answered = 0
    while done := _answer_block(now):
        answered += done
    return answered


@transaction.atomic
def _answer_block(now: datetime) -> int:
    waiting = list(ResetRequest.objects.select_for_update(skip_locked=True).order_by("pk")[:BLOCK])
    for request in waiting:
        for user in PasswordResetForm().get_users(request.email):
            key = f"password/{user.pk}/{request.asked_at:%Y-%m-%dT%H:%M:%S.%f}"
            mailer().send(Mail(PASSWORD, key, str(user.pk), user.email, user=user), now)
    ResetRequest.objects.filter(pk__in=[request.pk for request in waiting]).delete()
    return len(waiting)


def reset_path(user: User) -> str:
    """Return the path of a new link that sets a password once, within PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
