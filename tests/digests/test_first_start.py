"""Digests of the demo are written to the mail folder once their figures are complete."""

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from events.store.pending import TouchedQuarter
from reports.digests import content, sending
from reports.digests.models import Subscription
from reports.mail import delivery
from reports.mail.models import SentMail, State
from telemetry_project.demo import first_start
from telemetry_project.management.commands import load_demo
from tests.conftest import SetClock
from tests.digests.telling import NOW, clock, usage
from tests.factories import person
from tests.mail.conftest import contact_of
from tests.sending import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """Write mail to files, as without EMAIL_URL."""
    settings.DEMO = True
    settings.EMAIL_BACKEND = "reports.mail.files.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    settings.MAIL_PAUSE_SECONDS = 0.0
    return tmp_path / "mail"


def subscribe() -> None:
    call_command("subscribe_demo", "--if-demo")


def round_in(minutes: int = 0) -> None:
    later = clock(NOW, minutes=minutes)
    sending.tick(content.compose, later)
    delivery.deliver_due(later)


def test_loading_the_demo_subscribes_to_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(first_start, "unfinished", object)
    monkeypatch.setattr(first_start, "load", lambda *_: ran.append("load"))
    monkeypatch.setattr(first_start, "finish", lambda *_: ran.append("finish"))
    monkeypatch.setattr(load_demo, "call_command", lambda name, *_, **__: ran.append(name))

    call_command("load_demo")

    assert ran == ["load", "seed_prices", "subscribe_demo", "finish"]


def test_a_daily_and_a_weekly_digest_are_written(team_a: Sender, folder: Path, set_clock: SetClock) -> None:
    set_clock(NOW)
    owner = team_a.key.default_owner
    usage(owner, NOW - timedelta(days=1), 7)
    for days in range(7, 14):
        usage(owner, NOW - timedelta(days=days), 7)
    person("lead", owner)
    subscribe()
    round_in()
    files = sorted(folder.glob("*.eml"))
    found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    assert [message["To"] for message in found] == ["lead@demo.example"] * 2
    assert all("Team A: " in message["Subject"] for message in found)
    kinds = {part.get_content_type() for message in found for part in message.walk()}
    assert {"text/plain", "text/html", "image/png", "text/csv"} <= kinds


def test_deleted_subscriptions_are_not_created_again(team_a: Sender, folder: Path) -> None:
    person("lead", team_a.key.default_owner)
    subscribe()
    assert Subscription.objects.count() == 2
    Subscription.objects.all().delete()
    subscribe()
    assert Subscription.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "value"), [("DEMO", False), ("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")]
)
def test_without_a_demo_or_with_a_mail_server_nobody_is_subscribed(
    team_a: Sender, folder: Path, settings: Any, name: str, value: object
) -> None:
    person("lead", team_a.key.default_owner)
    setattr(settings, name, value)
    subscribe()
    assert Subscription.objects.count() == 0


@pytest.mark.usefixtures("folder")
def test_a_digest_waits_a_limited_time_for_pending_figures(team_a: Sender) -> None:
    owner = team_a.key.default_owner
    usage(owner, NOW - timedelta(days=1), 7)
    row = Subscription.objects.create(address=contact_of(owner), rhythm="daily", next_at=NOW)
    row.owners.set([owner])
    TouchedQuarter.objects.create(owner=owner, quarter=NOW - timedelta(days=1), of_sessions=False)
    round_in()
    mail = SentMail.objects.get()
    assert (mail.state, mail.attempts, mail.answer) == (State.CLAIMED, 0, sending.BEHIND)
    round_in(16)
    mail.refresh_from_db()
    assert mail.state == State.SENT


@pytest.mark.usefixtures("folder")
def test_a_digest_is_sent_as_soon_as_its_figures_are_complete(team_a: Sender) -> None:
    owner = team_a.key.default_owner
    usage(owner, NOW - timedelta(days=1), 7)
    row = Subscription.objects.create(address=contact_of(owner), rhythm="daily", next_at=NOW)
    row.owners.set([owner])
    waits = TouchedQuarter.objects.create(owner=owner, quarter=NOW - timedelta(days=1), of_sessions=True)
    round_in()
    waits.delete()
    round_in(2)
    assert SentMail.objects.get().state == State.SENT
