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


def count(name: str, address_hash: str, now: datetime) -> int:
    """Count an attempt, unless it comes too early; the seconds to wait, 0 for none."""
    with transaction.atomic():
        rows = _locked(name, address_hash, now)
        waits = [_left(rule, rows[what], now) for what, rule in _asked(rows, now)]
        if longest := max(waits):
            return longest
        for row in rows.values():
            row.failures, row.last_at = _failures(row, now) + 1, now
            row.save(update_fields=["failures", "last_at"])
    return 0


def succeeded(name: str, address_hash: str, now: datetime) -> None:
    """Take the attempt back: it was none that failed. What is long past goes."""
    with transaction.atomic():
        rows = _locked(name, address_hash, now)
        for what, row in rows.items():
            row.failures = 0 if what == PAIR else max(0, row.failures - 1)
            row.succeeded_at = now if what == PAIR else None
            row.save(update_fields=["failures", "succeeded_at"])
    forget_old(now)


def forget_old(now: datetime) -> None:
    """Remove attempts that count for nothing any more."""
    LoginAttempt.objects.filter(last_at__lt=now - KNOWN_FOR).delete()
    LoginAttempt.objects.filter(last_at__lt=now - FORGOTTEN_AFTER, succeeded_at__isnull=True).delete()


def _locked(name: str, address_hash: str, now: datetime) -> dict[str, LoginAttempt]:
    keys = {
        what: salted_hmac("login", f"{what}\n{text}", algorithm="sha256").hexdigest()
        for what, text in (
            (PAIR, f"{name}\n{address_hash}"),
            (ADDRESS, address_hash),
            (NAME, name),
        )
    }
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
        # Another log-in's clean-up deleted one in between. The locks go too, since they are taken in order.
        transaction.savepoint_rollback(kept)


def _asked(rows: dict[str, LoginAttempt], now: datetime) -> list[tuple[str, Rule]]:
    since = rows[PAIR].succeeded_at
    is_known = since is not None and now - since < KNOWN_FOR
    return [(what, rule) for what, rule in RULES.items() if what != NAME or not is_known]


def _failures(row: LoginAttempt, now: datetime) -> int:
    return 0 if now - row.last_at > FORGOTTEN_AFTER else row.failures


def _left(rule: Rule, row: LoginAttempt, now: datetime) -> int:
    until = row.last_at + timedelta(seconds=rule.wait(_failures(row, now)))
    # A clock that was set back makes nobody wait for longer than the rule says.
    return max(0, min(rule.longest, -(-(until - now) // timedelta(seconds=1))))
