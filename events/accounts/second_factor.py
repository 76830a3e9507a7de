"""The second factor: a code that changes every 30 seconds (TOTP, RFC 6238), from an app on a phone."""

from base64 import b32encode
from typing import Any

import django_otp
import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.safestring import SafeString, mark_safe
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.access import is_operator
from events.accounts import audit, recovery, sessions

OPTIONAL, OPERATORS, ALL = "optional", "operators", "all"
CHOICES = (OPTIONAL, OPERATORS, ALL)
# Wrong codes make the next one wait 1, 2, 4 … seconds; after so many it stays at 256, or who knows a password
# could keep its owner out for ever. Guessing takes years all the same.
MOST_FAILURES = 9


def is_required(user: Any) -> bool:
    """Whether the person may do nothing without one."""
    return settings.SECOND_FACTOR == ALL or (settings.SECOND_FACTOR == OPERATORS and is_operator(user))


def device_of(user: Any) -> TOTPDevice | None:
    """What the person has set up, None for nothing."""
    found: TOTPDevice | None = TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).first()
    return found


def draft_of(user: Any) -> TOTPDevice:
    """What the person is about to set up: the same secret until a code has confirmed it."""
    draft: TOTPDevice = TOTPDevice.objects.get_or_create(
        user_id=user.pk, confirmed=False, defaults={"name": "app"}
    )[0]
    return draft


def qr_of(draft: TOTPDevice) -> SafeString:
    """The draft as a QR code, in SVG that stands in a page."""
    image = segno.make(draft.config_url, error="m").svg_inline(scale=5, border=3, light="#fff", omitsize=True)
    return mark_safe(image)  # noqa: S308  (made of squares by segno)


def secret_of(draft: TOTPDevice) -> str:
    """The draft's secret as people type it."""
    text = b32encode(draft.bin_key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def confirm(request: Any, draft: TOTPDevice, code: str) -> list[str] | None:
    """Set the draft up if the code is right; the recovery codes then, shown this once.

    The person's other sessions end: they were opened by a password alone.
    """
    if django_otp.verify_token(request.user, draft.persistent_id, code) is None:
        return None
    TOTPDevice.objects.filter(pk=draft.pk).update(confirmed=True)
    draft.refresh_from_db()
    django_otp.login(request, draft)
    ended = sessions.end_others(request)
    audit.record(audit.actor_of(request), "factor.added", request.user, after={"sessions_ended": ended})
    return recovery.make(request.user)


def check(request: Any, device: TOTPDevice, code: str) -> bool:
    """Whether the code is right; the session is verified then. A recovery code serves once."""
    actor = audit.actor_of(request)
    if code.isdecimal():
        often = TOTPDevice.objects.filter(pk=device.pk, throttling_failure_count__gt=MOST_FAILURES)
        often.update(throttling_failure_count=MOST_FAILURES)
        is_right = django_otp.verify_token(request.user, device.persistent_id, code) is not None
    else:
        is_right = recovery.use(request.user, code)
        if is_right:
            audit.record(actor, "factor.recovered", request.user)
    if not is_right:
        audit.record(actor, "factor.failed", request.user)
        return False
    django_otp.login(request, device)
    # An id that somebody knew before the code was asked for is of no use after it.
    request.session.cycle_key()
    return True


def remove(user: User) -> bool:
    """Take the second factor away with its recovery codes; whether there was one."""
    recovery.RecoveryCode.objects.filter(user=user).delete()
    gone, _ = TOTPDevice.objects.filter(user=user).delete()
    return bool(gone)
