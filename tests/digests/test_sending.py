"""Digests are sent once per period, only to people who may see the figures, despite failures."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from events.ownership.owner import Membership, Owner
from reports.digests import content, sending
from reports.digests.digest import Digest
from reports.digests.models import Subscription
from reports.mail import delivery, links
from reports.mail.models import SentMail, State
from reports.periods import Period
from telemetry_project.stack import paths
from tests.digests.telling import NOW, YESTERDAY, clock, reader, subscribed, usage
from tests.mail.conftest import contact_of
from tests.mail.server import Box
from tests.sending import Sender
from tests.serving import database_url

pytestmark = pytest.mark.django_db


def round_at(at: datetime = NOW, compose: sending.Compose = content.compose) -> None:
    sending.tick(compose, clock(at))
    delivery.deliver_due(clock(at))


def only() -> SentMail:
    return SentMail.objects.get()


def test_a_due_digest_covers_the_previous_period(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 1234, rejected=12)
    subscription = subscribed(reader(owner), owner)
    round_at()
    (message,) = box.to("ann@example.org")
    assert message["Subject"] == "Team A: 1,222 events, none on the Thursday before; portal sent all of them."
    mail = only()
    assert (mail.state, str(mail.period_first), str(mail.period_last)) == (
        State.SENT,
        "2026-11-19",
        "2026-11-19",
    )
    subscription.refresh_from_db()
    assert subscription.next_at == datetime(2026, 11, 21, 7, tzinfo=UTC)


def test_a_digest_is_not_sent_before_it_is_due(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    round_at(NOW - timedelta(minutes=1))
    assert box.asked == []


def test_a_second_round_sends_nothing(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    for _ in range(3):
        round_at()
    assert len(box.taken) == 1


def test_a_period_is_sent_once_even_if_the_hour_changes(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscription = subscribed(reader(owner), owner)
    round_at()
    subscription.refresh_from_db()
    subscription.hour = 9
    subscription.schedule_next(NOW)
    subscription.save()
    round_at(NOW + timedelta(hours=2))
    assert len(box.taken) == 1


def test_after_three_days_without_beat_only_the_last_day_is_sent(owner: Owner, box: Box) -> None:
    for days in range(4):
        usage(owner, YESTERDAY + timedelta(days=days), 10 + days)
    subscribed(reader(owner), owner)
    round_at(NOW + timedelta(days=3, hours=3))
    round_at(NOW + timedelta(days=3, hours=3, minutes=1))
    (message,) = box.to("ann@example.org")
    assert message["Subject"].startswith("Team A: 13 events")
    assert str(only().period_first) == "2026-11-22"


def test_after_three_hours_without_beat_a_digest_is_sent_once(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    for minute in range(3):
        round_at(NOW + timedelta(hours=3, minutes=minute))
    assert len(box.taken) == 1


def test_an_empty_period_is_skipped_with_a_reason(owner: Owner, box: Box) -> None:
    subscribed(reader(owner), owner)
    round_at()
    assert box.asked == []
    assert (only().state, only().answer) == (State.SKIPPED, "Nothing was received, and no source is silent.")


def test_an_empty_period_is_sent_on_request(owner: Owner, box: Box) -> None:
    subscribed(reader(owner), owner, also_empty=True)
    round_at()
    (message,) = box.to("ann@example.org")
    assert message["Subject"] == "Team A: nothing was received."


# --- Access ---------------------------------------------------------------------------------------


def test_former_members_get_no_digests(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    user = reader(owner)
    subscription = subscribed(user, owner)
    Membership.objects.filter(user=user).delete()
    round_at()
    subscription.refresh_from_db()
    assert box.asked == []
    assert (subscription.active, subscription.ended_why) == (False, sending.NO_ACCESS)
    assert (only().state, only().answer) == (State.SKIPPED, sending.NO_ACCESS)


def test_membership_is_checked_at_every_attempt(owner: Owner, to_server: Box) -> None:
    usage(owner, YESTERDAY, 5)
    user = reader(owner)
    subscribed(user, owner)
    round_at()
    assert only().state == State.CLAIMED  # the server is absent
    Membership.objects.filter(user=user).delete()
    delivery.deliver_due(clock(NOW, hours=1))
    assert only().state == State.SKIPPED


def test_a_digest_of_two_owners_covers_those_still_visible(owner: Owner, team_b: Sender, box: Box) -> None:
    other = team_b.key.default_owner
    usage(owner, YESTERDAY, 5)
    usage(other, YESTERDAY, 7_000)
    user = reader(owner)
    subscribed(user, owner, other)
    round_at()
    (message,) = box.to("ann@example.org")
    assert message["Subject"].startswith("Team A: 5 events")
    assert "Team B" not in message.as_string()


def test_a_contacts_digest_covers_only_its_owner(owner: Owner, team_b: Sender, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    usage(team_b.key.default_owner, YESTERDAY, 7_000)
    subscribed(None, owner, team_b.key.default_owner, address=contact_of(owner))
    round_at()
    (message,) = box.to("team@example.org")
    assert message["Subject"].startswith("Team A: 5 events")


def test_an_unconfirmed_contact_gets_no_digest(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(None, owner, address=contact_of(owner, clicked=False))
    round_at()
    assert box.asked == []
    assert only().answer.startswith("Its reader hasn't confirmed it yet")


def test_an_unsubscribed_contact_stays_unsubscribed(owner: Owner, client: Client, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    address = contact_of(owner)
    first = subscribed(None, owner, address=address)
    client.post(urlsplit(links.unsubscribe_url("digest", str(first.pk), address)).path)
    subscribed(None, owner, address=address)
    round_at()
    assert box.asked == []
    assert only().answer.startswith("Its reader hasn't confirmed it yet")


def test_a_subscription_without_an_address_ends(owner: Owner, box: Box) -> None:
    user = reader(owner)
    subscription = subscribed(user, owner)
    User.objects.filter(pk=user.pk).update(email="")
    round_at()
    subscription.refresh_from_db()
    assert (subscription.active, SentMail.objects.count()) == (False, 0)


# --- Failures -------------------------------------------------------------------------------------


def test_a_failing_digest_does_not_affect_others(owner: Owner, team_b: Sender, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner, "ann"), owner)
    bad = subscribed(reader(team_b.key.default_owner, "ben"), team_b.key.default_owner)

    def compose(one: Subscription, period: Period, owners: Sequence[Owner], now: datetime) -> Digest | None:
        if one.pk == bad.pk:
            raise ZeroDivisionError
        return content.compose(one, period, owners, now)

    round_at(compose=compose)
    assert [to for to, _ in box.taken] == ["ann@example.org"]
    failed = SentMail.objects.get(about=str(bad.pk))
    assert (failed.state, failed.answer) == (State.CLAIMED, "It could not be composed: ZeroDivisionError.")
    usage(team_b.key.default_owner, YESTERDAY, 5)
    round_at(NOW + timedelta(minutes=2))
    assert [to for to, _ in box.taken] == ["ann@example.org", "ben@example.org"]


def test_a_worker_that_dies_before_composing_loses_nothing(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    assert sending.claim_due(NOW) == 1  # and nothing else
    round_at(NOW + timedelta(minutes=1))
    assert len(box.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_send_one_digest(owner: Owner, box: Box) -> None:
    readers = [reader(owner, f"ann{number}") for number in range(6)]
    usage(owner, YESTERDAY, 5)
    for each in readers:
        subscribed(each, owner)
    begin = threading.Barrier(3)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            begin.wait()
            round_at()
        except BaseException as error:  # noqa: BLE001  (checked below)
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    round_at(NOW + timedelta(minutes=10))
    assert sorted(to for to, _ in box.taken) == sorted(each.email for each in readers)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_during_the_handover_leaves_the_mail_unknown(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    sending.tick(content.compose, clock())
    box.seconds["DATA"] = 60.0
    with _worker(box) as process:
        _wait_until(lambda: box.asked == ["ann@example.org"])
        _wait_until(lambda: only().state == State.SENDING)
        os.kill(process.pid, signal.SIGKILL)
    box.seconds.clear()
    later = timezone.now() + delivery.LOST_AFTER
    delivery.mark_lost(later)
    assert delivery.deliver_due(clock(later)) == 0
    assert only().state == State.UNKNOWN
    assert box.asked == ["ann@example.org"]
    assert delivery.resend(only(), later)
    delivery.deliver_due(clock(later))
    assert only().state == State.SENT


def _worker(box: Box) -> subprocess.Popen[bytes]:
    """Start a process that sends mails."""
    program = "import django; django.setup(); from reports.mail import tasks; tasks.deliver()"
    own = {
        "DATABASE_URL": database_url(),
        "EMAIL_URL": f"smtp://127.0.0.1:{box.port}",
        "DJANGO_SETTINGS_MODULE": "telemetry_project.settings",
    }
    return subprocess.Popen([sys.executable, "-c", program], cwd=paths.REPOSITORY, env=os.environ | own)


def _wait_until(holds: Any) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)


def test_digests_beyond_the_limit_wait_for_the_next_round(owner: Owner, monkeypatch: Any) -> None:
    user = reader(owner)
    for _ in range(3):
        subscribed(user, owner)
    monkeypatch.setattr(sending, "MOST", 2)
    assert (sending.claim_due(NOW), sending.claim_due(NOW), sending.claim_due(NOW)) == (2, 1, 0)


def test_a_subscription_with_an_unknown_zone_does_not_affect_others(
    owner: Owner, team_b: Sender, box: Box
) -> None:
    """Its schedule can't be computed, as after an update of the time zone database."""
    usage(owner, YESTERDAY, 5)
    odd = subscribed(reader(owner), owner)
    Subscription.objects.filter(pk=odd.pk).update(zone="Europe/Atlantis", next_at=NOW - timedelta(hours=1))
    subscribed(reader(owner, "bob"), owner)
    round_at()
    assert len(box.to("bob@example.org")) == 1
