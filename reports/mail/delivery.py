"""Delivery of all mail of Tally: each mail is claimed, handed over at most once, and its answer recorded.

    claimed ──▶ sending ──▶ sent
       ▲           ├──▶ claimed again, later      a temporary refusal, or no mail server
       └───────────┤
                   ├──▶ failed                    a permanent refusal, or too many attempts
                   └──▶ unknown                   the worker died, or the server never answered the message

Only one worker wins the UPDATE that moves a mail from `claimed` to `sending`, and only that worker or a
person moves it on. So a mail is sent at most once, and an unknown outcome is shown as unknown.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from reports.mail import addresses
from reports.mail.addresses import Address
from reports.mail.kinds import KINDS, secret_kinds
from reports.mail.message import MailContent, build_message, sender, wire_address
from reports.mail.models import Attempt, SentMail, State
from reports.mail.text import one_line
from reports.mail.transport import Outcome, ServerConnection, Verdict
from reports.periods import Period

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
# Pauses between attempts. After the last one a mail has failed.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
# A worker that has held a mail this long is dead: timeouts end a conversation far sooner.
LOST_AFTER = timedelta(minutes=15)
TICK_SECONDS = 45.0  # beat runs a tick every minute
MOST = 500


def send(
    content: MailContent,
    *,
    to: Address,
    kind: str,
    key: str,
    now: datetime,
    about: str = "",
    period: Period | None = None,
) -> SentMail | None:
    """Send a mail within a minute. Returns None if the key has already been used.

    If the address is suppressed for this kind of mail, the mail is recorded as skipped, with the reason.
    """
    with transaction.atomic():
        mail = claim(to=to, kind=kind, key=key, now=now, about=about, period=period)
        if mail is not None:
            store_message(mail, content, now)
    return mail


def claim(
    *, to: Address, kind: str, key: str, now: datetime, about: str = "", period: Period | None = None
) -> SentMail | None:
    """Claim a key, before the mail is written by `store_message`. None if the key is taken."""
    if kind not in KINDS:
        raise KeyError(kind)
    mail, is_new = SentMail.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "about": about,
            "address": to,
            "to": to.address,
            "period_first": period.first if period else None,
            "period_last": period.last if period else None,
            "claimed_at": now,
            "next_at": now,
            "changed_at": now,
        },
    )
    return mail if is_new else None


def queue(
    *, to: Address, kind: str, key: str, now: datetime, about: str, asked_by: User | None = None
) -> SentMail | None:
    """Send a mail of a secret kind within a minute. Returns None if the key has already been used.

    Only the object that it is about is stored; its kind builds the message for each attempt.
    """
    compose = KINDS[kind].compose
    assert compose is not None, f"{kind} isn't secret: use send()"
    with transaction.atomic():
        mail = claim(to=to, kind=kind, key=key, now=now, about=about)
        if mail is not None:
            mail.asked_by, mail.subject = asked_by, one_line(compose(mail).subject)
            mail.save(update_fields=["asked_by", "subject"])
    return mail


def store_message(mail: SentMail, content: MailContent, now: datetime) -> None:
    """Store the message of a claimed mail. Every attempt sends exactly these bytes."""
    message = build_message(content, to=mail.to, key=mail.key, at=now)
    mail.message, mail.subject = message.as_bytes(), str(message["Subject"])
    SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED, message=b"").update(
        message=mail.message, subject=mail.subject
    )


def skip(mail: SentMail, why: str, now: datetime) -> None:
    """Record that a mail isn't sent, and why."""
    SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED).update(
        state=State.SKIPPED, answer=why, changed_at=now
    )


def _has_message() -> models.Q:
    """Match mails with a stored message, or with one that their kind builds."""
    return ~models.Q(message=b"") | models.Q(kind__in=secret_kinds())


def deliver_due(clock: Clock = timezone.now, seconds: float = TICK_SECONDS) -> int:
    """Deliver the mails that are due, one by one, and return the number of attempts."""
    until = time.monotonic() + seconds
    due = SentMail.objects.filter(_has_message(), state=State.CLAIMED, next_at__lte=clock())
    done = 0
    with ServerConnection() as server:
        for pk in list(due.order_by("next_at").values_list("pk", flat=True)[:MOST]):
            if time.monotonic() > until:
                break
            if done:
                time.sleep(settings.MAIL_PAUSE_SECONDS)
            try:
                outcome = attempt(pk, server, clock)
            except Exception as error:  # a failure of one mail must not stop the others
                log.exception("A mail could not be delivered", extra={"mail": pk})
                server.disconnect()
                _set_aside(pk, error, clock())
                continue
            done += outcome is not None
            if outcome is not None and outcome.verdict == Verdict.AWAY:
                break  # The others would fail in the same way and be postponed.
    return done


def _set_aside(pk: int, error: Exception, now: datetime) -> None:
    """Postpone a mail that failed, or mark its outcome unknown if the server may have it."""
    why = f"It could not be delivered: {type(error).__name__}."
    mail = SentMail.objects.filter(pk=pk).first()
    if mail is None:
        return
    if mail.state == State.CLAIMED:
        postpone(mail, why, now)
    else:
        over = SentMail.objects.filter(pk=pk, state=State.SENDING)
        over.update(state=State.UNKNOWN, answer=why, changed_at=now)


def attempt(pk: int, server: ServerConnection, clock: Clock = timezone.now) -> Outcome | None:
    """Try to deliver one mail. None if it may not be sent, or another worker has it."""
    mail = SentMail.objects.select_related("address__user", "address__owner").get(pk=pk)
    why = objection(mail)
    if why:
        skip(mail, why, clock())
        return None
    message = _message(mail, clock())
    if not _start_attempt(mail, clock()):
        return None
    outcome = server.deliver(message, sender=sender()[1], to=wire_address(mail.to))
    with transaction.atomic():
        _record_outcome(mail, outcome, clock())
    return outcome


def _message(mail: SentMail, now: datetime) -> bytes:
    """Return the stored message, or the one that the kind builds."""
    compose = KINDS[mail.kind].compose
    if compose is None:
        return bytes(mail.message)
    return build_message(compose(mail), to=mail.to, key=mail.key, at=now).as_bytes()


def objection(mail: SentMail) -> str:
    """Return why a mail may not be sent now, or an empty text. Checked before each attempt."""
    if mail.address is None:
        return "The address was removed."
    return mail.address.suppression(mail.kind) or KINDS[mail.kind].objection(mail)


def _start_attempt(mail: SentMail, now: datetime) -> bool:
    """Move a mail to `sending`; True if this worker won it."""
    mine = SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED, next_at__lte=now)
    mail.attempts += 1
    return mine.update(state=State.SENDING, attempts=mail.attempts, changed_at=now) == 1


def _record_outcome(mail: SentMail, outcome: Outcome, now: datetime) -> None:
    """Record the outcome of an attempt, even if the mail was marked lost meanwhile."""
    Attempt.objects.create(mail=mail, at=now, verdict=outcome.verdict, answer=outcome.answer)
    changes = CHANGES[outcome.verdict](mail, now)
    ours = SentMail.objects.filter(pk=mail.pk, state__in=(State.SENDING, State.UNKNOWN))
    ours.update(answer=outcome.answer, changed_at=now, **changes)
    if mail.address_id is None:
        return
    if outcome.verdict == Verdict.GONE:
        addresses.count_permanent_failure(mail.address_id, outcome.answer, now)
    if outcome.verdict == Verdict.SENT:
        Address.objects.filter(pk=mail.address_id, failures__gt=0).update(failures=0)


def _later(mail: SentMail, now: datetime) -> dict[str, object]:
    if mail.attempts > len(WAITS):
        return {"state": State.FAILED}
    return {"state": State.CLAIMED, "next_at": now + WAITS[mail.attempts - 1]}


# The change of a mail by the verdict of an attempt.
CHANGES: dict[Verdict, Callable[[SentMail, datetime], dict[str, object]]] = {
    Verdict.SENT: lambda _, now: {"state": State.SENT, "sent_at": now},
    Verdict.LATER: _later,
    Verdict.AWAY: _later,
    Verdict.REFUSED: lambda *_: {"state": State.FAILED},
    Verdict.GONE: lambda *_: {"state": State.FAILED},
    Verdict.UNKNOWN: lambda *_: {"state": State.UNKNOWN},
}


def postpone(mail: SentMail, why: str, now: datetime) -> None:
    """Count an attempt that failed before there was a message, and try again later."""
    mail.attempts += 1
    changes = _later(mail, now)
    SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED).update(
        attempts=mail.attempts, answer=why, changed_at=now, **changes
    )


def mark_lost(now: datetime) -> int:
    """Mark mails whose worker died half-way as unknown, and return their number."""
    lost = SentMail.objects.filter(state=State.SENDING, changed_at__lte=now - LOST_AFTER)
    found = lost.update(state=State.UNKNOWN, changed_at=now)
    if found:
        log.warning("Mails whose worker died half-way; a person must decide whether to send them again")
    return found


def resendable_states(mail: SentMail) -> tuple[State, ...]:
    """Return the states from which a person may resend a mail.

    Mails with a secret link that were sent aren't resent.
    """
    if not (mail.message or KINDS[mail.kind].is_secret):
        return ()
    return (State.FAILED, State.UNKNOWN, *(() if KINDS[mail.kind].is_secret else (State.SENT,)))


def resend(mail: SentMail, now: datetime) -> bool:
    """Send the same message again at a person's request; False if its state doesn't allow it."""
    over = SentMail.objects.filter(pk=mail.pk, state__in=resendable_states(mail))
    return (
        over.filter(_has_message()).update(state=State.CLAIMED, attempts=0, next_at=now, changed_at=now) == 1
    )


def mark_sent(mail: SentMail, now: datetime) -> bool:
    """Mark a mail of unknown outcome as sent at a person's request; False if its outcome is known."""
    unknown = SentMail.objects.filter(pk=mail.pk, state=State.UNKNOWN)
    return unknown.update(state=State.SENT, changed_at=now) == 1
