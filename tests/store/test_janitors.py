"""Janitors remove expired data, and a failing one doesn't stop the others."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from events import removal, tasks
from events.accounts.logins import LoginAttempt
from events.lib import janitors
from events.ownership.owner import Organization
from reports.cost import tasks as cost_tasks
from telemetry_project.celery import app

pytestmark = pytest.mark.django_db


def test_expiring_data_has_a_janitor_that_beat_runs(settings: Any) -> None:
    assert {"login sessions", "login attempts", "idempotency keys", "copies of mails"} <= set(
        janitors.JANITORS
    )
    assert settings.CELERY_BEAT_SCHEDULE["clean"]["task"] == tasks.clean.name
    app.loader.import_default_modules()
    assert tasks.clean.name in app.tasks


def test_expired_login_sessions_and_old_attempts_are_deleted() -> None:
    now = timezone.now()
    for name, days in (("old", -1), ("open", 1)):
        Session.objects.create(session_key=name, session_data="", expire_date=now + timedelta(days=days))
        LoginAttempt.objects.create(key=name, last_at=now + timedelta(days=days))
    tasks.clean()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["open"]
    assert list(LoginAttempt.objects.values_list("key", flat=True)) == ["open"]


def test_a_failing_janitor_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[str] = []
    monkeypatch.setattr(
        janitors, "JANITORS", {"bad": lambda _: 1 / 0, "good": lambda _: cleaned.append("good")}
    )
    assert janitors.clean_all(timezone.now()) == ["bad"]
    assert cleaned == ["good"]


def test_an_organization_that_cannot_be_charged_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (Organization.objects.create(slug=slug, name=slug).pk for slug in ("first", "second"))
    charged: list[int] = []

    def update_charges(key: int, *_: Any, **__: Any) -> None:
        if key == first:
            raise ValueError("odd prices")
        charged.append(key)

    monkeypatch.setattr(cost_tasks, "update_charges", update_charges)
    cost_tasks.charge()
    assert charged == [second]


def test_a_week_that_cannot_be_removed_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Any] = []

    def remove(week: Any, *_: Any) -> None:
        removed.append(week)
        raise ValueError("odd week")

    now = timezone.now()
    weeks = [now - timedelta(weeks=2), now - timedelta(weeks=1)]
    monkeypatch.setattr(removal, "retained_since", lambda _: now)
    monkeypatch.setattr(tasks, "weeks_before", lambda _: weeks)
    monkeypatch.setattr(removal, "remove_week", remove)
    tasks.remove_old()
    assert removed == weeks
