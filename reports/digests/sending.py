"""Sending digests: due ones are claimed, written and queued, each subscription on its own."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from events.lib.janitors import for_each
from events.ownership.owner import Owner
from events.store.completeness import are_being_loaded
from events.store.pending import TouchedQuarter, TouchedSession
from reports.digests import schedule
from reports.digests.digest import Digest
from reports.digests.models import Subscription
from reports.digests.rendering import render_digest
from reports.mail import delivery, links
from reports.mail.addresses import Address, revoke_confirmation
from reports.mail.kinds import Kind, register
from reports.mail.message import MailContent
from reports.mail.models import SentMail, State
from reports.periods import DAY, Period

log = logging.getLogger(__name__)
Compose = Callable[[Subscription, Period, Sequence[Owner], datetime], Digest | None]
DIGEST = "digest"
MOST = 500  # of each step of a tick
TICK_SECONDS = 45.0
MINUTE = timedelta(minutes=1)
WAIT = timedelta(minutes=15)  # at most, for figures that are behind
LOADING_WAIT = timedelta(days=1)  # while past events are being loaded
BEHIND = "Its figures weren't up to date yet."
NO_ACCESS = "The subscriber is no longer a member of any of its owners."


def tick(compose: Compose, clock: Callable[[], datetime] = timezone.now) -> None:
    """Claim due digests and write claimed ones. Mail delivers them within a minute."""
    claim_due(clock())
    write_claimed(compose, clock, time.monotonic() + TICK_SECONDS)


def claim_due(now: datetime) -> int:
    """Claim a mail for each due subscription, and return their number.

    Of several missed times, only the last is made up for. One transaction sets the next time and claims the
    mail, and only one worker's UPDATE finds the time unchanged.
    """
    due = Subscription.objects.filter(active=True, next_at__lte=now).order_by("next_at")
    claimed: list[SentMail] = []

    def claim(subscription: Subscription) -> None:
        with transaction.atomic():
            seen = Subscription.objects.filter(pk=subscription.pk, next_at=subscription.next_at, active=True)
            coming = schedule.next_after(subscription.schedule, now).at
            if seen.update(next_at=coming) == 1 and (mail := _claim(subscription, now)) is not None:
                claimed.append(mail)

    for_each(due.select_related("user", "address")[:MOST], claim, log, "A digest could not be claimed")
    return len(claimed)


def _claim(subscription: Subscription, now: datetime) -> SentMail | None:
    address = subscription.current_address()
    if address is None:
        subscription.end("The subscriber's account has no address.")
        return None
    period = schedule.period_of(subscription.schedule, schedule.latest(subscription.schedule, now).day)
    return delivery.claim(
        to=address,
        kind=DIGEST,
        key=f"{DIGEST}/{subscription.pk}/{period.first}/{period.last}",
        about=str(subscription.pk),
        period=period,
        now=now,
    )


def write_claimed(compose: Compose, clock: Callable[[], datetime], until: float) -> None:
    """Write the messages of claimed digests. A failure of one is logged and doesn't stop the others."""
    claimed = SentMail.objects.filter(kind=DIGEST, state=State.CLAIMED, message=b"", next_at__lte=clock())
    for mail in list(claimed.select_related("address__user", "address__owner").order_by("next_at")[:MOST]):
        if time.monotonic() > until:
            break
        try:
            with transaction.atomic():
                if not _postpone_if_behind(mail, clock()):
                    write_digest(mail, compose, clock())
        except Exception as error:  # a failure in one owner's figures must not stop the others
            log.exception("A digest could not be composed", extra={"mail": mail.pk})
            delivery.postpone(mail, f"It could not be composed: {type(error).__name__}.", clock())


def _postpone_if_behind(mail: SentMail, now: datetime) -> bool:
    """Postpone a digest by a minute while its figures are behind, up to a limit; True if postponed."""
    subscription = subscription_of(mail)
    if subscription is None:
        return False
    owners = subscription.visible_owners()
    is_loading = are_being_loaded(owner.pk for owner in owners)
    if now >= mail.claimed_at + (LOADING_WAIT if is_loading else WAIT):
        return False
    behind = is_loading or is_behind(period_of(mail, subscription), owners)
    if behind:
        SentMail.objects.filter(pk=mail.pk).update(next_at=now + MINUTE, answer=BEHIND, changed_at=now)
    return behind


def write_digest(mail: SentMail, compose: Compose, now: datetime) -> None:
    """Write one claimed digest, or skip it with the reason."""
    why = delivery.objection(mail)
    subscription = subscription_of(mail)
    if why or subscription is None:
        delivery.skip(mail, why, now)
        return
    assert mail.address is not None
    content = digest_content(subscription, period_of(mail, subscription), compose, mail.address, now)
    if content is None:
        delivery.skip(mail, "Nothing was received, and no source is silent.", now)
    else:
        delivery.store_message(mail, content, now)


def digest_content(
    subscription: Subscription, period: Period, compose: Compose, address: Address, now: datetime
) -> MailContent | None:
    """The content of a period, about what its reader may see now; None if there is nothing to say."""
    digest = compose(subscription, period, subscription.visible_owners(), now)
    if digest is None:
        return None
    return render_digest(
        digest,
        rhythm=subscription.rhythm,
        unsubscribe_url=links.unsubscribe_url(DIGEST, str(subscription.pk), address),
    )


def latest_period(subscription: Subscription, now: datetime) -> Period:
    """Return the period that a digest would cover now."""
    return schedule.period_of(subscription.schedule, schedule.latest(subscription.schedule, now).day)


def send_now(subscription: Subscription, compose: Compose, now: datetime) -> SentMail | None:
    """Send the latest period at once at a person's request; None within a minute of the last request."""
    address = subscription.current_address()
    if address is None:
        return None
    period = latest_period(subscription, now)
    with transaction.atomic():
        mail = delivery.claim(
            to=address,
            kind=DIGEST,
            key=f"{DIGEST}/{subscription.pk}/asked/{now:%Y-%m-%dT%H:%M}",
            about=str(subscription.pk),
            period=period,
            now=now,
        )
        if mail is not None:
            write_digest(mail, compose, now)
    return mail


def subscription_of(mail: SentMail) -> Subscription | None:
    """Return the subscription of a digest, or None if it was removed."""
    return Subscription.objects.filter(pk=int(mail.about)).select_related("user", "address").first()


def period_of(mail: SentMail, subscription: Subscription) -> Period:
    """Return the period that a digest was claimed for."""
    assert mail.period_first is not None
    assert mail.period_last is not None
    return Period(mail.period_first, mail.period_last + DAY, subscription.schedule.zone)


def objection(mail: SentMail) -> str:
    """Return why a digest may not be sent, or an empty text. Checked before each attempt."""
    subscription = subscription_of(mail)
    if subscription is None:
        return "The subscription was removed."
    if not subscription.active:
        return "The subscription was ended."
    if not subscription.visible_owners():
        subscription.end(NO_ACCESS)
        return NO_ACCESS
    return ""


def unsubscribe(_: str, about: str, address: Address) -> str:
    """End a subscription by the link in a mail.

    A contact's confirmation is revoked, since leads can subscribe it again.
    """
    subscription = Subscription.objects.filter(pk=int(about)).first()
    if subscription is not None and subscription.active:
        subscription.end("Unsubscribed through the link in a mail.")
    if address.owner_id is None:
        return f"{address.address} is unsubscribed from this digest."
    revoke_confirmation(address)
    return f"{address.address} gets no more mail about {address.owner} unless it is confirmed again."


def register_kind() -> None:
    """Register digests as a kind of mail."""
    register(Kind(DIGEST, "this digest", objection, unsubscribe))


def is_behind(period: Period, owners: Sequence[Owner]) -> bool:
    """True if sessions or rollups don't have all events of a period yet."""
    keys = [owner.pk for owner in owners]
    quarters = TouchedQuarter.objects.filter(
        owner_id__in=keys, quarter__gte=period.since, quarter__lt=period.until
    )
    sessions = TouchedSession.objects.filter(
        owner_id__in=keys, since__lt=period.until, until__gte=period.since
    )
    return quarters.exists() or sessions.exists()
