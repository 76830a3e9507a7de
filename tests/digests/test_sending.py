"""Digests go once for each period, to who may see what they tell, whatever fails in between."""

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


def test_what_is_due_goes_to_its_reader_about_the_period_before(owner: Owner, box: Box) -> None:
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


def test_what_is_not_due_stays(owner: Owner, box: Box) -> None:
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


def test_a_period_goes_once_though_the_hour_was_moved(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscription = subscribed(reader(owner), owner)
    round_at()
    subscription.refresh_from_db()
    subscription.hour = 9
    subscription.schedule_next(NOW)
    subscription.save()
    round_at(NOW + timedelta(hours=2))
    assert len(box.taken) == 1


def test_after_three_days_without_beat_the_last_day_is_made_up_for(owner: Owner, box: Box) -> None:
    for days in range(4):
        usage(owner, YESTERDAY + timedelta(days=days), 10 + days)
    subscribed(reader(owner), owner)
    round_at(NOW + timedelta(days=3, hours=3))
    round_at(NOW + timedelta(days=3, hours=3, minutes=1))
    (message,) = box.to("ann@example.org")
    assert message["Subject"].startswith("Team A: 13 events")
    assert str(only().period_first) == "2026-11-22"


def test_beat_that_was_away_for_three_hours_is_caught_up_once(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    for minute in range(3):
        round_at(NOW + timedelta(hours=3, minutes=minute))
    assert len(box.taken) == 1


def test_an_empty_period_is_skipped_and_said_so(owner: Owner, box: Box) -> None:
    subscribed(reader(owner), owner)
    round_at()
    assert box.asked == []
    assert (only().state, only().answer) == (State.SKIPPED, "Nothing was received, and no source is silent.")


def test_an_empty_period_is_told_to_who_asked_for_it(owner: Owner, box: Box) -> None:
    subscribed(reader(owner), owner, also_empty=True)
    round_at()
    (message,) = box.to("ann@example.org")
    assert message["Subject"] == "Team A: nothing was received."


# --- Who may see it -------------------------------------------------------------------------------


def test_who_is_no_longer_a_member_gets_no_more(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    user = reader(owner)
    subscription = subscribed(user, owner)
    Membership.objects.filter(user=user).delete()
    round_at()
    subscription.refresh_from_db()
    assert box.asked == []
    assert (subscription.active, subscription.ended_why) == (False, sending.NO_ACCESS)
    assert (only().state, only().answer) == (State.SKIPPED, sending.NO_ACCESS)


def test_membership_is_asked_anew_at_every_attempt(owner: Owner, to_server: Box) -> None:
    usage(owner, YESTERDAY, 5)
    user = reader(owner)
    subscribed(user, owner)
    round_at()
    assert only().state == State.CLAIMED  # the server is away
    Membership.objects.filter(user=user).delete()
    delivery.deliver_due(clock(NOW, hours=1))
    assert only().state == State.SKIPPED


def test_of_two_owners_the_one_that_is_still_seen_is_told(owner: Owner, team_b: Sender, box: Box) -> None:
    other = team_b.key.default_owner
    usage(owner, YESTERDAY, 5)
    usage(other, YESTERDAY, 7_000)
    user = reader(owner)
    subscribed(user, owner, other)
    round_at()
    (message,) = box.to("ann@example.org")
    assert message["Subject"].startswith("Team A: 5 events")
    assert "Team B" not in message.as_string()


def test_a_contact_is_told_of_its_own_owner_alone(owner: Owner, team_b: Sender, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    usage(team_b.key.default_owner, YESTERDAY, 7_000)
    subscribed(None, owner, team_b.key.default_owner, address=contact_of(owner))
    round_at()
    (message,) = box.to("team@example.org")
    assert message["Subject"].startswith("Team A: 5 events")


def test_a_contact_that_has_not_clicked_gets_none(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(None, owner, address=contact_of(owner, clicked=False))
    round_at()
    assert box.asked == []
    assert only().answer.startswith("Its reader hasn't confirmed it yet")


def test_a_contact_that_ended_a_digest_gets_none_of_what_leads_switch_on(
    owner: Owner, client: Client, box: Box
) -> None:
    usage(owner, YESTERDAY, 5)
    address = contact_of(owner)
    first = subscribed(None, owner, address=address)
    client.post(urlsplit(links.unsubscribe_url("digest", str(first.pk), address)).path)
    subscribed(None, owner, address=address)
    round_at()
    assert box.asked == []
    assert only().answer.startswith("Its reader hasn't confirmed it yet")


def test_a_person_without_an_address_ends_the_subscription(owner: Owner, box: Box) -> None:
    user = reader(owner)
    subscription = subscribed(user, owner)
    User.objects.filter(pk=user.pk).update(email="")
    round_at()
    subscription.refresh_from_db()
    assert (subscription.active, SentMail.objects.count()) == (False, 0)


# --- Whatever fails -------------------------------------------------------------------------------


def test_figures_that_fail_for_one_leave_the_others_alone(owner: Owner, team_b: Sender, box: Box) -> None:
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


def test_a_worker_that_ends_before_the_mail_is_written_loses_nothing(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    subscribed(reader(owner), owner)
    assert sending.claim_due(NOW) == 1  # and no more
    round_at(NOW + timedelta(minutes=1))
    assert len(box.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_beat_that_runs_twice_at_once_sends_once(owner: Owner, box: Box) -> None:
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
        except BaseException as error:  # noqa: BLE001  (said by the test below)
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
def test_a_worker_killed_while_the_server_has_the_mail_leaves_it_unknown(owner: Owner, box: Box) -> None:
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
    """A process of its own that hands mails over."""
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


def test_more_than_a_round_takes_wait_for_the_next(owner: Owner, monkeypatch: Any) -> None:
    user = reader(owner)
    for _ in range(3):
        subscribed(user, owner)
    monkeypatch.setattr(sending, "MOST", 2)
    assert (sending.claim_due(NOW), sending.claim_due(NOW), sending.claim_due(NOW)) == (2, 1, 0)


def test_a_subscription_whose_zone_is_gone_leaves_the_others_alone(
    owner: Owner, team_b: Sender, box: Box
) -> None:
    """As after an update of the zone database; the schedule can't be computed."""
    usage(owner, YESTERDAY, 5)
    odd = subscribed(reader(owner), owner)
    Subscription.objects.filter(pk=odd.pk).update(zone="Europe/Atlantis", next_at=NOW - timedelta(hours=1))
    subscribed(reader(owner, "bob"), owner)
    round_at()
    assert len(box.to("bob@example.org")) == 1
