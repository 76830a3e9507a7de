"""The second factor: a code that changes every 30 seconds (TOTP, RFC 6238), from an app on a phone.

People who have one, or need one, get no page before they have entered its code. Recovery codes replace it
once each; only their hashes are stored.
"""

import secrets
from base64 import b32encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import django_otp
import segno
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.checks import CheckMessage, Error, register
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString, mark_safe
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.access import Person, is_operator, person_of
from events.accounts import audit

CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no characters that look alike; 16 of them: 79 bits


class RecoveryCode(models.Model):
    """One code of a person, gone once it is used."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


def make_recovery_codes(user: User) -> list[str]:
    """Create recovery codes, to be shown once. Previous codes become void."""
    codes = ["-".join(_random(4) for _ in range(4)) for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, hash=_hash(code)) for code in codes)
    return codes


def use_recovery_code(user: User, code: str) -> bool:
    """Use up a recovery code of a person. Returns False if they have no such code."""
    gone, _ = RecoveryCode.objects.filter(user=user, hash=_hash(code)).delete()
    return gone == 1


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _hash(code: str) -> str:
    # Random enough that a slow hash would add nothing.
    return salted_hmac("recovery", code.lower().replace("-", ""), algorithm="sha256").hexdigest()


def end_other_sessions(request: HttpRequest) -> int:
    """End the person's other sessions, and return their number.

    Django stores the user inside of each session, so all active sessions are read. That is fast enough
    without an index: a login lasts for hours, and the factor is set up once.
    """
    mine = str(request.user.pk)
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.session_key != request.session.session_key and (
            session.get_decoded().get(SESSION_KEY) == mine
        ):
            session.delete()
            ended += 1
    return ended


OPTIONAL, OPERATORS, ALL = "optional", "operators", "all"
CHOICES = (OPTIONAL, OPERATORS, ALL)
# After wrong codes, the next one must wait 1, 2, 4 … seconds, up to 256. Otherwise anybody with the password
# could lock its owner out for good. Guessing still takes years.
MOST_FAILURES = 9


def is_required(user: Person) -> bool:
    """True if the person must have a second factor."""
    return settings.SECOND_FACTOR == ALL or (settings.SECOND_FACTOR == OPERATORS and is_operator(user))


def device_of(user: Person) -> TOTPDevice | None:
    """Return the person's confirmed device, or None."""
    found: TOTPDevice | None = TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).first()
    return found


def draft_of(user: Person) -> TOTPDevice:
    """Return the device that the person is setting up. Its secret stays the same until a code confirms it."""
    draft: TOTPDevice = TOTPDevice.objects.get_or_create(
        user_id=user.pk, confirmed=False, defaults={"name": "app"}
    )[0]
    return draft


def qr_of(draft: TOTPDevice) -> SafeString:
    """Return the device as a QR code, an SVG to be embedded in a page."""
    image = segno.make(draft.config_url, error="m").svg_inline(scale=5, border=3, light="#fff", omitsize=True)
    return mark_safe(image)  # noqa: S308  (made of squares by segno)


def secret_of(draft: TOTPDevice) -> str:
    """Return the secret of a device in groups of four letters, for typing."""
    text = b32encode(draft.bin_key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def confirm(request: HttpRequest, draft: TOTPDevice, code: str) -> list[str] | None:
    """Confirm the device if the code is right. Returns the recovery codes, to be shown once.

    The person's other sessions end: they were opened by a password alone.
    """
    person = person_of(request)
    if django_otp.verify_token(person, draft.persistent_id, code) is None:
        return None
    TOTPDevice.objects.filter(pk=draft.pk).update(confirmed=True)
    draft.refresh_from_db()
    django_otp.login(request, draft)
    ended = end_other_sessions(request)
    audit.record(audit.actor_of(request), "factor.added", person, after={"sessions_ended": ended})
    return make_recovery_codes(person)


def check(request: HttpRequest, device: TOTPDevice, code: str) -> bool:
    """True if the code is right; then the session is verified. A recovery code works once."""
    actor, person = audit.actor_of(request), person_of(request)
    if code.isdecimal():
        often = TOTPDevice.objects.filter(pk=device.pk, throttling_failure_count__gt=MOST_FAILURES)
        often.update(throttling_failure_count=MOST_FAILURES)
        is_right = django_otp.verify_token(person, device.persistent_id, code) is not None
    else:
        is_right = use_recovery_code(person, code)
        if is_right:
            audit.record(actor, "factor.recovered", person)
    if not is_right:
        audit.record(actor, "factor.failed", person)
        return False
    django_otp.login(request, device)
    # A session id that was known before the code was entered is useless afterwards.
    request.session.cycle_key()
    return True


def remove(user: User) -> bool:
    """Remove the second factor and its recovery codes. Returns False if there was none."""
    RecoveryCode.objects.filter(user=user).delete()
    gone, _ = TOTPDevice.objects.filter(user=user).delete()
    return bool(gone)


HAS_FACTOR = "has_second_factor"  # in the session, from the login on
API = "/api/"


class SecondFactorGate:
    """Middleware that asks for the code. It follows the middleware that identifies the person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ask for the code, or pass the request on."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and self._must_stop(request):
            return _require_code(request)
        return self.get_response(request)

    def _must_stop(self, request: HttpRequest) -> bool:
        user: Any = request.user
        if not user.is_authenticated or user.is_verified() or request.path_info in _exempt_paths():
            return False
        if is_required(user):
            return True
        # Look up only people who had one at the login: it may have been removed since.
        return bool(request.session.get(HAS_FACTOR)) and device_of(user) is not None


def _exempt_paths() -> set[str]:
    """Return the paths that need no code."""
    names = ("second-factor", "second-factor-check", "admin:logout", "admin:login", "admin:jsi18n")
    return {*map(reverse, names), "/livez", "/readyz"}


def _require_code(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(API):
        sentence = (
            "This session hasn't passed the second factor yet. Enter its code in the admin, or use a secret"
            " key."
        )
        problem = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": sentence}
        return JsonResponse(problem, status=403, content_type="application/problem+json")
    page = "second-factor-check" if device_of(request.user) else "second-factor"
    return redirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")


@register()
def check_second_factor(**_: object) -> list[CheckMessage]:
    """Check that SECOND_FACTOR has a known value."""
    if settings.SECOND_FACTOR in CHOICES:
        return []
    said = f"SECOND_FACTOR is {settings.SECOND_FACTOR!r}."
    return [Error(said, hint=f"It can be {', '.join(CHOICES)}.", id="accounts.E001")]
