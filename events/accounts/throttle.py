"""Throttle: how long to wait after failed log-ins. Needs the database only, and locks nobody out for ever.

An attempt is counted before the password is looked at, under a lock, so that many at once gain nothing; a
success takes its own count back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from events.accounts.attempts import LoginAttempt

FORGOTTEN_AFTER = timedelta(hours=1)  # without an attempt
KNOWN_FOR = timedelta(days=90)  # a name that logged in at an address


@dataclass(frozen=True)
class Rule:
    """So many failures cost nothing; each one more doubles the wait, up to the longest."""

    free: int
    longest: int  # seconds

    def wait(self, failures: int) -> int:
        """Seconds from the last attempt to the next."""
        over = failures - self.free
        return 0 if over < 0 else min(2 ** min(over, 30), self.longest)


# By name alone the wait stays short: whoever fails on purpose with somebody's name must not keep them out.
# Who has logged in at an address before doesn't wait for what others do with the name elsewhere.
PAIR, ADDRESS, NAME = "pair", "address", "name"
RULES = {PAIR: Rule(5, 900), ADDRESS: Rule(50, 900), NAME: Rule(20, 60)}

RESET_RULES = {NAME: Rule(3, 3600), ADDRESS: Rule(20, 900)}


def count(name: str, network_hash: str, now: datetime) -> int:
    """Count a log-in, unless it comes too early. Returns the seconds to wait, or 0."""
    return _count(_keys(name, network_hash), RULES, now)


def count_reset(email: str, network_hash: str, now: datetime) -> int:
    """Count a request for a password reset, unless it comes too early. Returns the seconds to wait, or 0."""
    texts = {NAME: f"reset\n{email}", ADDRESS: f"reset\n{network_hash}"}
    return _count({what: _key(what, text) for what, text in texts.items()}, RESET_RULES, now)


def succeeded(name: str, network_hash: str, now: datetime) -> None:
    """Take the attempt back: it was none that failed. What is long past goes."""
    with transaction.atomic():
        rows = _locked(_keys(name, network_hash), now)
        for what, row in rows.items():
            row.failures = 0 if what == PAIR else max(0, row.failures - 1)
            row.succeeded_at = now if what == PAIR else None
            row.save(update_fields=["failures", "succeeded_at"])
    forget_old(now)


def forget_old(now: datetime) -> None:
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
        # Another log-in's clean-up deleted one in between. Release the locks, which are taken in order.
        transaction.savepoint_rollback(kept)


def _wait(rows: dict[str, LoginAttempt], rules: dict[str, Rule], now: datetime) -> int:
    return max((_left(rules[what], row, now) for what, row in _asked(rows, now).items()), default=0)


def _asked(rows: dict[str, LoginAttempt], now: datetime) -> dict[str, LoginAttempt]:
    since = rows[PAIR].succeeded_at if PAIR in rows else None
    is_known = since is not None and now - since < KNOWN_FOR
    return {what: row for what, row in rows.items() if what != NAME or not is_known}


def _failures(row: LoginAttempt, now: datetime) -> int:
    return 0 if now - row.last_at > FORGOTTEN_AFTER else row.failures


def _left(rule: Rule, row: LoginAttempt, now: datetime) -> int:
    until = row.last_at + timedelta(seconds=rule.wait(_failures(row, now)))
    # A clock that was set back makes nobody wait for longer than the rule says.
    return max(0, min(rule.longest, -(-(until - now) // timedelta(seconds=1))))
