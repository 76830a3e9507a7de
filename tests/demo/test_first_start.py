"""The first start creates the demo, later starts change nothing, and other databases get no demo."""

import json
import shlex
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from events.event import Event
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership
from events.store.completeness import Backfill
from events.store.details import as_wire
from ingestion.filing.drain import drain
from ingestion.receiving.inbox import InboxRequest
from telemetry_project.demo import first_start, home, script, seeding, welcome
from telemetry_project.demo.rhythm import DAY_MS, Period

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own, few events, and no static files to collect."""
    settings.DATA = tmp_path
    settings.DEMO = True
    monkeypatch.setattr(first_start, "EVENTS", 300)
    monkeypatch.setattr(first_start, "DAYS", 3)
    monkeypatch.setattr(first_start, "REST", 0)
    monkeypatch.setattr(first_start, "POSTS_AT_ONCE", 10)
    # No worker runs beside the test.
    monkeypatch.setattr(first_start, "_left", lambda: 0)
    monkeypatch.setattr("telemetry_project.static_files.collect_if_older", lambda: False)


def state() -> tuple[int, ...]:
    models = (Event, ApiKey, Membership, get_user_model(), InboxRequest)
    return tuple(model._default_manager.count() for model in models)


def test_the_first_start_creates_data_users_and_a_key() -> None:
    call_command("prepare")
    call_command("load_demo")

    assert home.has_data()
    assert set(get_user_model().objects.values_list("username", flat=True)) == {"operator", "lead", "viewer"}
    assert home.key_file().stat().st_mode & 0o777 == 0o600


def test_a_second_start_changes_nothing() -> None:
    call_command("prepare")
    call_command("load_demo")
    before, key = state(), home.key_text()

    call_command("prepare")
    call_command("load_demo")

    assert state() == before
    assert home.key_text() == key != ""


def test_no_demo_is_created_if_somebody_can_log_in_already() -> None:
    get_user_model().objects.create_user("alice")

    call_command("prepare")

    assert not home.exists()


def test_no_demo_is_created_in_a_database_of_somebody_elses(settings: Settings) -> None:
    settings.DEMO = False

    call_command("prepare")

    assert not home.exists()
    assert not get_user_model().objects.exists()


def test_the_demo_is_created_in_any_database_on_request(settings: Settings) -> None:
    settings.DEMO = False

    call_command("prepare", "--demo")
    call_command("load_demo")

    assert home.has_data()


def test_an_interrupted_load_resumes_without_sending_anything_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("prepare")
    filed = seeding._file
    calls = iter(range(100))

    def interrupted() -> None:
        if next(calls) == 2:  # its requests are in the inbox, and noted as sent
            raise KeyboardInterrupt
        filed()

    monkeypatch.setattr(seeding, "_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call_command("load_demo")
    monkeypatch.setattr(seeding, "_file", filed)
    reached = Backfill.objects.get().requests_done

    call_command("load_demo")

    backfill = Backfill.objects.get()
    assert reached == 3 * first_start.POSTS_AT_ONCE
    assert backfill.events_done == backfill.events_total == sum(seeding.counts())
    assert backfill.finished_at is not None


def test_people_can_log_in_before_any_event_is_loaded(client: Client) -> None:
    call_command("prepare")

    assert client.login(username="operator", password="operator-demo")
    assert not home.has_data()
    assert first_start.unfinished() is not None


def test_the_newest_day_is_loaded_first() -> None:
    period = Period.before(datetime(2026, 11, 18, 15, 30, tzinfo=UTC), 3)
    days = [post.received_ms // DAY_MS for post in first_start.in_order(script.posts(1, period, 300))]
    assert days == sorted(days, reverse=True)


def test_switching_the_demo_off_ends_an_unfinished_load(settings: Settings) -> None:
    call_command("prepare")
    settings.DEMO = False

    call_command("prepare")

    assert first_start.unfinished() is None


def test_the_key_stays_the_same_in_a_new_database() -> None:
    home.make_key()
    text = home.key_text()
    ApiKey.objects.all().delete()

    home.make_key()

    assert home.key_text() == text


def test_a_revoked_key_stays_revoked() -> None:
    home.make_key()
    ApiKey.objects.update(revoked_at="2026-01-01T00:00:00Z")

    home.make_key()

    assert home.key_text() == ""


def test_seeding_a_second_time_adds_nothing_and_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo", "--events", "100", "--days", "2")
    before = state()

    call_command("seed_demo", "--events", "100", "--days", "2")

    assert state() == before
    assert "--again" in capsys.readouterr().out


def test_seeding_again_adds_more() -> None:
    call_command("seed_demo", "--events", "100", "--days", "2")
    before = Event.objects.count()

    call_command("seed_demo", "--events", "100", "--days", "2", "--again")

    assert Event.objects.count() > before


def test_the_command_in_the_welcome_works(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prepare")
    call_command("welcome")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "curl" in line]
    words = shlex.split(line)
    headers = dict(word.split(": ") for before, word in pairwise(words) if before == "-H")

    response = client.post(
        urlsplit(words[-1]).path,
        words[words.index("-d") + 1],
        content_type=headers.pop("Content-Type"),
        headers=headers,
    )

    assert (response.status_code, response.content) == (201, b"")
    drain()
    event = Event.objects.get(owner__name=home.KEY_DELIVERY)
    assert not ApiKey.objects.get().all_owners, "a publishable key is seen by anybody"
    assert as_wire(event) == welcome.EXAMPLE == json.loads(words[words.index("-d") + 1])


def test_the_welcome_names_users_with_passwords_that_work(client: Client) -> None:
    call_command("prepare")

    text = welcome.text()

    for user in home.USERS:
        assert user.password in text
        assert client.login(username=user.name, password=user.password)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "tally.example"])
def test_no_published_password_works_if_others_can_reach_the_demo(
    host: str, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOST", host)
    file = tmp_path / "welcome.txt"

    call_command("prepare", "--welcome", str(file))

    assert file.stat().st_mode & 0o777 == 0o600
    said = dict(line.split()[:2] for line in file.read_text().splitlines() if line.startswith("  "))
    for user in home.USERS:
        assert not client.login(username=user.name, password=user.password)
        assert client.login(username=user.name, password=said[user.name])


def test_a_demo_made_on_this_machine_loses_its_published_passwords_once_others_can_reach_it(
    client: Client, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("prepare")
    viewer = get_user_model().objects.get(username="viewer")
    viewer.set_password("chosen since")
    viewer.save()
    client.login(username="operator", password="operator-demo")
    settings.BASE_URL = "https://tally.example"

    call_command("prepare")

    told = capsys.readouterr().out
    assert "shown only once" in told
    assert not client.login(username="operator", password="operator-demo")
    assert client.login(username="viewer", password="chosen since")
    settings.BASE_URL = "http://localhost:8000"
    call_command("prepare")
    assert "operator  (changed)" in welcome.text()


def test_the_welcome_omits_passwords_that_were_changed() -> None:
    call_command("prepare")
    lead = get_user_model().objects.get(username="lead")
    lead.set_password("changed since")
    lead.save()

    assert "lead-demo" not in welcome.text()


def test_the_welcome_without_a_demo_explains_the_first_steps() -> None:
    text = welcome.text()

    assert "createsuperuser" in text
    assert "create_key --owner" in text
    assert "curl" not in text


def test_the_viewer_sees_one_owner_and_the_lead_three() -> None:
    call_command("prepare")

    seen = {
        user.username: Membership.objects.filter(user=user).count() for user in get_user_model().objects.all()
    }
    assert seen == {"operator": 0, "lead": 3, "viewer": 1}
