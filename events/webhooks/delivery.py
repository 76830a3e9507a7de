"""Delivery: one worker at a time posts the changes of a webhook, and moves its cursor after each success.

The end of a message is stored before it is sent, so that each attempt has the same changes under the same id,
whatever was written meanwhile. A worker claims a webhook for some minutes; whoever has lost the claim can't
store anything about it.
"""

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from events.accounts import audit
from events.changes import reading
from events.changes.reading import Cursor, Follower
from events.feed.followed import FOLLOWED
from events.webhooks import notices, posting, signing
from events.webhooks.messages import Message, message_after
from events.webhooks.posting import NotPosted
from events.webhooks.queries import InvalidQuery
from events.webhooks.webhook import Webhook, WebhookAttempt, pause

log = logging.getLogger(__name__)
SECONDS = 10.0  # of a turn; then another webhook may have the thread
TIMEOUT = 15.0  # of an attempt, in seconds
CLAIM = timedelta(minutes=5)
LATEST = 240.0  # seconds after the claim at which a message may still be sent
FIRST_DELAY = timedelta(seconds=5)  # after a failure; doubled by each further one
LONGEST_DELAY = timedelta(hours=1)
AFTER_ERROR = timedelta(minutes=5)  # until a webhook is tried again whose delivery raised an exception
GIVE_UP = timedelta(days=1)  # of failures, after which a webhook is paused
GONE = 410
ACTOR = audit.Actor("webhooks")


class _LostError(Exception):
    """Another worker has claimed the webhook, or it was deleted."""


class Due(NamedTuple):
    """A webhook that has something to send."""

    pk: int
    is_failing: bool  # its last attempt failed


def due(now: datetime) -> list[Due]:
    """Return the webhooks that have something to send, in two statements: most have nothing.

    Those that were served last come last.
    """
    is_asked = Exists(WebhookAttempt.objects.filter(webhook=OuterRef("pk"), again_at__isnull=False))
    rows = Webhook.objects.annotate(is_asked=is_asked).filter(_unclaimed())
    free = list(rows.filter(Q(paused_at=None, next_at__lte=now) | Q(is_asked=True)).order_by("next_at", "pk"))
    behind = reading.behind(
        [Follower(each.owner_id, FOLLOWED[each.what].what, Cursor.parse(each.cursor)) for each in free]
    )
    return [
        Due(each.pk, each.failures > 0)
        for place, each in enumerate(free)
        if each.message or each.is_asked or place in behind
    ]


def _unclaimed() -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())


def never() -> bool:
    """Return False: nobody stops this delivery."""
    return False


def deliver(pk: int, stops: Callable[[], bool] = never) -> None:
    """Deliver what a webhook has, unless another worker does, until its turn ends or something stops it."""
    claimed = timezone.now() + CLAIM
    if not Webhook.objects.filter(_unclaimed(), pk=pk).update(claimed_until=claimed):
        return
    webhook = Webhook.objects.select_related("owner").get(pk=pk)
    try:
        _Delivery(webhook).run(time.monotonic() + SECONDS, stops)
    except _LostError:
        log.warning("A webhook was taken over by another worker", extra={"webhook": pk})
    except InvalidQuery as invalid:
        _pause(webhook, f"Its filters or fields are no longer valid. {invalid}")
    except Exception:
        # Of this program, so it is logged by the caller and not counted as the receiver's.
        Webhook.objects.filter(pk=pk).update(next_at=timezone.now() + AFTER_ERROR)
        raise
    finally:
        mine = Webhook.objects.filter(pk=pk, claimed_until=claimed)
        mine.update(claimed_until=None, next_at=Greatest("next_at", Value(timezone.now())))


class _Delivery:
    """The work of one worker on a webhook that it has claimed."""

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook
        self._claim = webhook.claimed_until
        self._latest = time.monotonic() + LATEST

    def run(self, until: float, stops: Callable[[], bool]) -> None:
        """Send what people asked for again, then what is new, until something fails or the turn ends."""
        for asked in self._webhook.attempts.filter(again_at__isnull=False).order_by("pk"):
            if not stops():
                self._send_again(asked)
        is_due = self._webhook.paused_at is None and self._webhook.next_at <= timezone.now()
        while is_due and not stops() and time.monotonic() < until and self._send_next():
            pass

    def _send_again(self, asked: WebhookAttempt) -> None:
        message = message_after(self._webhook, Cursor.parse(asked.begin), Cursor.parse(asked.end))
        attempt = self._attempt(asked.message, message) if message.rows else None
        with transaction.atomic():
            self._store()
            WebhookAttempt.objects.filter(pk=asked.pk).update(again_at=None)
            if attempt is not None:
                attempt.is_again = True
                attempt.save()

    def _send_next(self) -> bool:
        """Send the next message. False if there is none, or if it failed."""
        webhook = self._webhook
        begin = Cursor.parse(webhook.cursor)
        message = message_after(
            webhook, begin, Cursor.parse(webhook.message_end) if webhook.message else None
        )
        if not message.rows:
            if message.end != begin:
                self._store(cursor=str(message.end), message="", message_end="")
            return message.end != begin
        if not webhook.message:
            self._store(message=signing.new_message_id(), message_end=str(message.end))
        attempt = self._attempt(webhook.message, message)
        with transaction.atomic():
            attempt.save()
            if attempt.error:
                self._note_failure(attempt)
            else:
                self._store(
                    cursor=str(message.end),
                    message="",
                    message_end="",
                    failures=0,
                    failing_since=None,
                    delivered_at=timezone.now(),
                )
        return not attempt.error

    def _attempt(self, name: str, message: Message) -> WebhookAttempt:
        """Post a message, and return the row of the log, unsaved."""
        if time.monotonic() > self._latest:
            raise _LostError
        at, begun = timezone.now(), time.monotonic()
        attempt = WebhookAttempt(
            webhook=self._webhook,
            message=name,
            begin=str(message.begin),
            end=str(message.end),
            at=at,
            rows=message.rows,
            bytes=len(message.body),
        )
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tally-Webhooks/1",
            **signing.headers(name, message.body, self._webhook.keys(at), at),
        }
        try:
            attempt.status = posting.post(self._webhook.url, message.body, headers, TIMEOUT)
            attempt.error = _error_of(attempt.status)
        except NotPosted as error:
            attempt.error = str(error)
        attempt.milliseconds = round((time.monotonic() - begun) * 1000)
        return attempt

    def _note_failure(self, attempt: WebhookAttempt) -> None:
        webhook, now = self._webhook, timezone.now()
        since = webhook.failing_since or attempt.at
        delay = min(FIRST_DELAY * 2 ** min(webhook.failures, 20), LONGEST_DELAY)
        self._store(
            failures=webhook.failures + 1,
            failing_since=since,
            next_at=now + delay * random.uniform(0.5, 1.0),  # noqa: S311  (spreads load)
        )
        if attempt.status == GONE:
            _pause(webhook, "The receiver answered 410 Gone, which ends deliveries.")
        elif now >= since + GIVE_UP:
            _pause(webhook, f"All attempts failed for a day. The last error: {attempt.error}")

    def _store(self, **values: Any) -> None:
        """Store values. Raises `_LostError` if the claim is lost."""
        mine = Webhook.objects.filter(pk=self._webhook.pk, claimed_until=self._claim)
        if not mine.update(**(values or {"claimed_until": self._claim})):
            raise _LostError
        for name, value in values.items():
            setattr(self._webhook, name, value)


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"Status {status}: redirects aren't followed. Enter the final URL."
    return f"Status {status}."


def _pause(webhook: Webhook, reason: str) -> None:
    """Pause a webhook, with an entry in the audit trail, and tell its leads."""
    now = timezone.now()
    with transaction.atomic():
        if pause(webhook, reason, now):
            audit.record(ACTOR, "webhook.paused", webhook, owner=webhook.owner, after={"reason": reason})
            webhook.paused_at, webhook.reason = now, reason
            notices.tell(webhook, now)
    log.warning("A webhook is paused", extra={"webhook": webhook.pk})
