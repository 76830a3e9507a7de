"""Logins: throttled after failures, and recorded in the audit trail.

Throttling needs only the database and locks nobody out for good. An attempt is counted before the password is
checked, under a lock, so many concurrent attempts gain nothing; a success takes its own count back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.contrib.sessions.backends.base import SessionBase
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from events.accounts import audit, second_factor
from events.accounts.second_factor import HAS_FACTOR
from events.lib.janitors import janitor


class LoginAttempt(models.Model):
    """Failures of one name, one address, or one name at one address."""

    key = models.CharField(
        max_length=64, unique=True, help_text="Hash of the name and address whose failures are counted."
    )
    failures = models.PositiveIntegerField(
        default=0, help_text="Failures since the last success or long pause."
    )
    last_at = models.DateTimeField(db_index=True, help_text="Time of the last attempt.")
    succeeded_at = models.DateTimeField(
        null=True, help_text="Time of this name's last login from this address."
    )

    def __str__(self) -> str:
        return f"{self.failures} failures of {self.key[:8]}"


FORGOTTEN_AFTER = timedelta(hours=1)  # without an attempt
KNOWN_FOR = timedelta(days=90)  # a name that logged in at an address


@dataclass(frozen=True)
class Rule:
    """A number of free failures; each further one doubles the wait, up to the longest."""

    free: int
    longest: int  # seconds

    def wait(self, failures: int) -> int:
        """Return the seconds from the last attempt to the next."""
        over = failures - self.free
        return 0 if over < 0 else min(2 ** min(over, 30), self.longest)


# By name alone the wait stays short, so that failing on purpose with another's name doesn't lock them out.
# People who have logged in at an address before don't wait for failures with their name elsewhere.
PAIR, ADDRESS, NAME = "pair", "address", "name"
RULES = {PAIR: Rule(5, 900), ADDRESS: Rule(50, 900), NAME: Rule(20, 60)}

RESET_RULES = {NAME: Rule(3, 3600), ADDRESS: Rule(20, 900)}


def count_login(name: str, network_hash: str, now: datetime) -> int:
    """Count a login, unless it comes too early. Returns the seconds to wait, or 0."""
    return _count(_keys(name, network_hash), RULES, now)


def count_reset(email: str, network_hash: str, now: datetime) -> int:
    """Count a request for a password reset, unless it comes too early. Returns the seconds to wait, or 0."""
    texts = {NAME: f"reset\n{email}", ADDRESS: f"reset\n{network_hash}"}
    return _count({what: _key(what, text) for what, text in texts.items()}, RESET_RULES, now)


def login_succeeded(name: str, network_hash: str, now: datetime) -> None:
    """Remove the successful attempt from the counts, and delete old counts."""
    with transaction.atomic():
        rows = _locked(_keys(name, network_hash), now)
        for what, row in rows.items():
            row.failures = 0 if what == PAIR else max(0, row.failures - 1)
            row.succeeded_at = now if what == PAIR else None
            row.save(update_fields=["failures", "succeeded_at"])
    remove_old_attempts(now)


@janitor("login attempts")
def remove_old_attempts(now: datetime) -> None:
    """Remove attempts that no longer count."""
    LoginAttempt.objects.filter(last_at__lt=now - KNOWN_FOR).delete()
    LoginAttempt.objects.filter(last_at__lt=now - FORGOTTEN_AFTER, succeeded_at__isnull=True).delete()


def _count(keys: dict[str, str], rules: dict[str, Rule], now: datetime) -> int:
    # An attempt that has to wait is refused by existing rows, so that it writes nothing.
    there = {row.key: row for row in LoginAttempt.objects.filter(key__in=keys.values())}
    if wait := _wait({what: there[key] for what, key in keys.items() if key in there}, rules, now):
        return wait
    with transaction.atomic():
        rows = _locked(keys, now)
        if wait := _wait(rows, rules, now):
            return wait
        for row in rows.values():
            row.failures, row.last_at = _failures(row, now) + 1, now
            row.save(update_fields=["failures", "last_at"])
    return 0


def _keys(name: str, network_hash: str) -> dict[str, str]:
    texts = {PAIR: f"{name}\n{network_hash}", ADDRESS: network_hash, NAME: name}
    return {what: _key(what, text) for what, text in texts.items()}


def _key(what: str, text: str) -> str:
    return salted_hmac("login", f"{what}\n{text}", algorithm="sha256").hexdigest()


def _locked(keys: dict[str, str], now: datetime) -> dict[str, LoginAttempt]:
    """Return the rows, created if missing and locked in the order of their keys."""
    while True:
        kept = transaction.savepoint()
        LoginAttempt.objects.bulk_create(
            (LoginAttempt(key=key, last_at=now) for key in sorted(keys.values())), ignore_conflicts=True
        )
        found = LoginAttempt.objects.filter(key__in=keys.values()).order_by("key").select_for_update()
        rows = {row.key: row for row in found}
        if len(rows) == len(keys):
            transaction.savepoint_commit(kept)
            return {what: rows[key] for what, key in keys.items()}
        # Another login's clean-up deleted one in between. Release the locks, which are taken in order.
        transaction.savepoint_rollback(kept)


def _wait(rows: dict[str, LoginAttempt], rules: dict[str, Rule], now: datetime) -> int:
    return max(
        (_seconds_left(rules[what], row, now) for what, row in _applicable(rows, now).items()), default=0
    )


def _applicable(rows: dict[str, LoginAttempt], now: datetime) -> dict[str, LoginAttempt]:
    since = rows[PAIR].succeeded_at if PAIR in rows else None
    is_known = since is not None and now - since < KNOWN_FOR
    return {what: row for what, row in rows.items() if what != NAME or not is_known}


def _failures(row: LoginAttempt, now: datetime) -> int:
    return 0 if now - row.last_at > FORGOTTEN_AFTER else row.failures


def _seconds_left(rule: Rule, row: LoginAttempt, now: datetime) -> int:
    until = row.last_at + timedelta(seconds=rule.wait(_failures(row, now)))
    # If the clock was set back, nobody waits longer than the rule says.
    return max(0, min(rule.longest, -(-(until - now) // timedelta(seconds=1))))


UNKNOWN_PERSON = "somebody"


def connect() -> None:
    """Connect to Django's login signals."""
    user_logged_in.connect(_logged_in, dispatch_uid="audit_login")
    user_logged_out.connect(_logged_out, dispatch_uid="audit_logout")
    user_login_failed.connect(_login_failed, dispatch_uid="audit_failure")


def _logged_in(*, user: User, request: HttpRequest | None, **_: object) -> None:
    audit.record(_actor(user, request), "login.succeeded")
    if session := getattr(request, "session", None):
        # So that requests of people without one don't query the database.
        session[HAS_FACTOR] = second_factor.device_of(user) is not None


def _logged_out(*, user: User, request: HttpRequest | None, **_: object) -> None:
    if user is not None:
        audit.record(_actor(user, request), "logout")


def _login_failed(
    *, credentials: Mapping[str, object], request: HttpRequest | None = None, **_: object
) -> None:
    """Record a failed log-in. Its name is kept only if an account has it: people type passwords there."""
    name = str(credentials.get("username") or "").replace("\x00", "")
    user = get_user_model()._default_manager.filter(username=name).first()
    address_hash = getattr(request, "address_hash", "")
    actor = _actor(user, request) if user else audit.Actor(UNKNOWN_PERSON, None, address_hash)
    audit.record(actor, "login.failed")


def _actor(user: AbstractBaseUser, request: HttpRequest | None) -> audit.Actor:
    return audit.Actor(user.get_username(), user.pk, getattr(request, "address_hash", ""))


@janitor("login sessions")
def _remove_expired_sessions(_: datetime) -> None:
    """Remove expired login sessions, like `manage.py clearsessions`."""
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    store.clear_expired()
