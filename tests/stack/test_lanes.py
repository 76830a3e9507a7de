"""Lanes: every task has a queue with a worker in the Procfile, and a time limit."""

import re

import pytest
from celery.exceptions import QueueNotFound
from django.conf import settings
from redis import Redis

from telemetry_project import workers
from telemetry_project.celery import app
from tests.serving import commands

LANES = {"filing", "rollups", "mail", "jobs"}


def own_tasks() -> set[str]:
    """Return the names of Tally's tasks. Celery's own are never sent."""
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def layout() -> dict[str, int]:
    """Return the lanes in the Procfile."""
    return workers.parse(commands()["workers"].partition("telemetry_project.workers ")[2].split())


def test_every_task_has_one_lane() -> None:
    listed = [task for tasks in settings.LANES.values() for task in tasks]
    assert sorted(listed) == sorted(own_tasks())


def test_every_lane_has_a_worker_in_the_procfile() -> None:
    assert set(settings.LANES) == set(layout()) == LANES


def test_beat_sends_only_existing_tasks() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= own_tasks()


def test_a_task_is_sent_only_to_its_lane() -> None:
    assert own_tasks()
    with Redis.from_url(settings.CELERY_BROKER_URL.replace("redis+socket://", "unix://")) as client:
        client.delete(*LANES)
        for lane, tasks in settings.LANES.items():
            for name in tasks:
                app.tasks[name].apply_async()
                assert {each: client.llen(each) for each in LANES if client.llen(each)} == {lane: 1}, name
                client.delete(*LANES)


def test_sending_to_an_unknown_queue_fails() -> None:
    with pytest.raises(QueueNotFound):
        app.send_task("ingestion.drain", queue="celery")


def test_time_limits_of_tasks_are_within_the_visibility_timeout() -> None:
    limits = {name: app.tasks[name].time_limit for name in own_tasks()}
    timeout = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert {name: limit for name, limit in limits.items() if not limit or limit >= timeout} == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name at least one lane"),
        (["celery=1"], "there is no lane 'celery'"),
        (["mail"], "'mail' must be a lane and its number of processes, such as mail=2"),
        (["mail=0"], "'mail=0' must be a lane and its number of processes, such as mail=2"),
        (["mail=two"], "'mail=two' must be a lane and its number of processes, such as mail=2"),
    ],
)
def test_an_invalid_layout_is_explained(words: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        workers.parse(words)
    assert workers.main(words) == 2
