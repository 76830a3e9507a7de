"""Sending: the one way of every mail of Tally. Claimed first, handed over once, its answer kept.

    claimed ──▶ sending ──▶ sent
       ▲           ├──▶ claimed again, later      the server said "not now", or there was none
       └───────────┤
                   ├──▶ failed                    refused for good, or tried for too long
                   └──▶ unknown                   the worker ended, or the server never answered the message

A mail leaves `claimed` by an UPDATE that only one worker wins, and leaves `sending` only by whoever put it
there or by a person: so it goes at most once, and what is not known is said to be so.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from reports.mail import addresses
from reports.mail.addresses import Address
from reports.mail.kinds import KINDS, secret_kinds
from reports.mail.message import MailContent, build_message, sender, wire_address
from reports.mail.models import Attempt, SentMail, State
from reports.mail.text import line as one_line
from reports.mail.transport import Line, Outcome, Verdict
from reports.periods import Period

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
# How long after each attempt the next comes; after the last of them a mail has failed.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
# A worker that has held a mail for so long is no more: timeouts end a conversation far sooner.
LOST_AFTER = timedelta(minutes=15)
TICK_SECONDS = 45.0  # beat asks every minute
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
    """Have a mail sent, within a minute, unless one was claimed by that key; then None.

    Nothing goes where `to.refusal(kind)` says why: the mail is kept as skipped, with that sentence.
    """
    with transaction.atomic():
        mail = claim(to=to, kind=kind, key=key, now=now, about=about, period=period)
        if mail is not None:
            write(mail, content, now)
    return mail


def claim(
    *, to: Address, kind: str, key: str, now: datetime, about: str = "", period: Period | None = None
) -> SentMail | None:
    """Take a key, before there is anything to send; None where it is taken. `write` says what to send."""
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
    *, to: Address, kind: str, key: str, now: datetime, about: str, asked_by: Any = None
) -> SentMail | None:
    """Send a mail of a secret kind within a minute. None if one was already claimed by that key.

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


def write(mail: SentMail, content: MailContent, now: datetime) -> None:
    """Put the message into a claimed mail. What every attempt sends is this, to the byte."""
    message = build_message(content, to=mail.to, key=mail.key, at=now)
    mail.message, mail.subject = message.as_bytes(), str(message["Subject"])
    SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED, message=b"").update(
        message=mail.message, subject=mail.subject
    )


def skip(mail: SentMail, why: str, now: datetime) -> None:
    """Keep that a mail was not sent, and why."""
    SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED).update(
        state=State.SKIPPED, answer=why, changed_at=now
    )


def _has_message() -> models.Q:
    """Match mails that can be handed over: with a stored message, or one that their kind builds."""
    return ~models.Q(message=b"") | models.Q(kind__in=secret_kinds())


def deliver_due(clock: Clock = timezone.now, seconds: float = TICK_SECONDS) -> int:
    """Hand over what is written and due, one by one; how many conversations there were."""
    until = time.monotonic() + seconds
    due = SentMail.objects.filter(_has_message(), state=State.CLAIMED, next_at__lte=clock())
    done = 0
    with Line() as line:
        for pk in list(due.order_by("next_at").values_list("pk", flat=True)[:MOST]):
            if time.monotonic() > until:
                break
            if done:
                time.sleep(settings.MAIL_PAUSE_SECONDS)
            try:
                outcome = attempt(pk, line, clock)
            except Exception as error:  # a fault with one mail is not the others'
                log.exception("A mail could not be handed over", extra={"mail": pk})
                line.hang_up()
                _set_aside(pk, error, clock())
                continue
            done += outcome is not None
            if outcome is not None and outcome.verdict == Verdict.AWAY:
                break  # the others would meet the same, and be put off for it
    return done


def _set_aside(pk: int, error: Exception, now: datetime) -> None:
    """Keep a mail that can't be handled out of the way: later, or for good if the server may have it."""
    why = f"It could not be handed over: {type(error).__name__}."
    mail = SentMail.objects.filter(pk=pk).first()
    if mail is None:
        return
    if mail.state == State.CLAIMED:
        put_off(mail, why, now)
    else:
        over = SentMail.objects.filter(pk=pk, state=State.SENDING)
        over.update(state=State.UNKNOWN, answer=why, changed_at=now)


def attempt(pk: int, line: Line, clock: Clock = timezone.now) -> Outcome | None:
    """One attempt at one mail; None where it may not go, or another worker has it."""
    mail = SentMail.objects.select_related("address__user", "address__owner").get(pk=pk)
    why = objection(mail)
    if why:
        skip(mail, why, clock())
        return None
    message = _message(mail, clock())
    if not _take(mail, clock()):
        return None
    outcome = line.deliver(message, sender=sender()[1], to=wire_address(mail.to))
    with transaction.atomic():
        _keep(mail, outcome, clock())
    return outcome


def _message(mail: SentMail, now: datetime) -> bytes:
    """Return the message to hand over: the stored one, or one that the kind builds."""
    compose = KINDS[mail.kind].compose
    if compose is None:
        return bytes(mail.message)
    return build_message(compose(mail), to=mail.to, key=mail.key, at=now).as_bytes()


def objection(mail: SentMail) -> str:
    """Why a mail may not go, asked anew each time; empty where it may."""
    if mail.address is None:
        return "The address is no longer known."
    return mail.address.refusal(mail.kind) or KINDS[mail.kind].objection(mail)


def _take(mail: SentMail, now: datetime) -> bool:
    """Let the mail be this worker's alone."""
    mine = SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED, next_at__lte=now)
    mail.attempts += 1
    return mine.update(state=State.SENDING, attempts=mail.attempts, changed_at=now) == 1


def _keep(mail: SentMail, outcome: Outcome, now: datetime) -> None:
    """Keep what came of an attempt, also of a mail that was given up as lost meanwhile."""
    Attempt.objects.create(mail=mail, at=now, verdict=outcome.verdict, answer=outcome.answer)
    changes = AFTER[outcome.verdict](mail, now)
    ours = SentMail.objects.filter(pk=mail.pk, state__in=(State.SENDING, State.UNKNOWN))
    ours.update(answer=outcome.answer, changed_at=now, **changes)
    if mail.address_id is None:
        return
    if outcome.verdict == Verdict.GONE:
        addresses.failed_for_good(mail.address_id, outcome.answer, now)
    if outcome.verdict == Verdict.SENT:
        Address.objects.filter(pk=mail.address_id, failures__gt=0).update(failures=0)


def _later(mail: SentMail, now: datetime) -> dict[str, object]:
    if mail.attempts > len(WAITS):
        return {"state": State.FAILED}
    return {"state": State.CLAIMED, "next_at": now + WAITS[mail.attempts - 1]}


# What an attempt makes of a mail.
AFTER: dict[Verdict, Callable[[SentMail, datetime], dict[str, object]]] = {
    Verdict.SENT: lambda _, now: {"state": State.SENT, "sent_at": now},
    Verdict.LATER: _later,
    Verdict.AWAY: _later,
    Verdict.REFUSED: lambda *_: {"state": State.FAILED},
    Verdict.GONE: lambda *_: {"state": State.FAILED},
    Verdict.UNKNOWN: lambda *_: {"state": State.UNKNOWN},
}


def put_off(mail: SentMail, why: str, now: datetime) -> None:
    """Count an attempt that came to nothing before there was a message, and try again later."""
    mail.attempts += 1
    changes = _later(mail, now)
    SentMail.objects.filter(pk=mail.pk, state=State.CLAIMED).update(
        attempts=mail.attempts, answer=why, changed_at=now, **changes
    )


def give_up_lost(now: datetime) -> int:
    """Say of mails whose worker ended half-way that nobody knows; how many."""
    lost = SentMail.objects.filter(state=State.SENDING, changed_at__lte=now - LOST_AFTER)
    found = lost.update(state=State.UNKNOWN, changed_at=now)
    if found:
        log.warning("Mails whose worker ended half-way; a person must say whether they go again")
    return found


def may_go_again(mail: SentMail) -> tuple[State, ...]:
    """From which states a person may send a mail again. Who was asked is not asked twice by one button."""
    if not (mail.message or KINDS[mail.kind].is_secret):
        return ()
    return (State.FAILED, State.UNKNOWN, *(() if KINDS[mail.kind].is_secret else (State.SENT,)))


def send_again(mail: SentMail, now: datetime) -> bool:
    """Send the same message once more, because a person says so; whether it may be."""
    over = SentMail.objects.filter(pk=mail.pk, state__in=may_go_again(mail))
    return (
        over.filter(_has_message()).update(state=State.CLAIMED, attempts=0, next_at=now, changed_at=now) == 1
    )


def take_as_sent(mail: SentMail, now: datetime) -> bool:
    """Let a mail count as sent, because a person says so; whether it was unknown."""
    unknown = SentMail.objects.filter(pk=mail.pk, state=State.UNKNOWN)
    return unknown.update(state=State.SENT, changed_at=now) == 1
