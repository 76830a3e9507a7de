"""Versions beyond a source's limit are counted as one in rollups, which keeps the number of rows small."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.db import models
from django.test import Client
from django.utils import timezone

from events.event import Event
from events.identity import moment
from events.sessions.session import Session
from events.store import versions
from events.store.versions import OVERFLOW, SourceVersion, has_version
from reports.pages.words import OVERFLOWN
from reports.rollups.models import Events, Sessions, UnknownKeys
from reports.rollups.rollup import Grain, rollups
from tests.admin.conftest import html_of, text_of
from tests.rollups.recomputed import dump, fold_due, rebuild
from tests.rollups.test_verifying import verified
from tests.sending import Sender, Wire, log_event
from tests.sessions.stored import base_ms, file, summarise_due

KINDS: tuple[tuple[str, Wire], ...] = (
    ("LOG", {"type": "system", "level": "INFO", "message": "started"}),
    ("IMPRESSION", {"type": "view", "uri": "/learn"}),
    ("START", {"type": "session", "mode": "play"}),
    ("SEARCH", {"type": "content", "query": "fractions", "size": 3, "topn": []}),
)


@pytest.fixture(autouse=True)
def low_limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAX_SOURCES = 3
    monkeypatch.setattr(versions, "MOST", 3)


def unique(number: int) -> Wire:
    """Return an event, in its own session, that shares no value with any other."""
    name = f"{number:04}"
    eid, edata = KINDS[number % len(KINDS)]
    return log_event(
        f"{eid}:{name}",
        eid=eid,
        ets=base_ms() + number * 1_000,
        actor={"id": f"user-{name}", "type": "User"},
        object={"id": f"do_{name}", "type": "Content", "ver": name},
        context={
            "channel": "c1",
            "env": "home",
            "pdata": {"id": f"source-{name}", "ver": f"version-{name}"},
            "sid": f"session-{name}",
            "did": f"device-{name}",
        },
        edata=edata | ({"pageid": f"page-{name}"} if eid == "IMPRESSION" else {}),
    )


def of(version: str | None, number: int) -> Wire:
    """Return an event of a version in its own session."""
    context: dict[str, Any] = {"channel": "c1", "env": "home", "sid": f"s{number}", "did": "d1"}
    pdata = {"id": "portal"} | ({} if version is None else {"ver": version})
    return log_event(f"LOG:{number}", ets=base_ms() + number, context=context | {"pdata": pdata})


def file_and_fold(sender: Sender, events: Iterable[Wire]) -> None:
    file(sender, *events)
    summarise_due()
    fold_due()


def rows() -> int:
    return sum(rollup._default_manager.count() for rollup in rollups())


def counts(rollup: Any, column: str) -> dict[str, int]:
    """Return the number of events or sessions per version."""
    found = rollup.objects.filter(grain=Grain.DAY).values("version").annotate(sum=models.Sum(column))
    return {row["version"]: row["sum"] for row in found}


def test_events_of_unique_values_add_few_rows(sender: Sender) -> None:
    """Without the limit, each rollup and grain had a row per version: 27 rows per event in the benchmark."""
    file_and_fold(sender, map(unique, range(60)))
    before = rows()
    file_and_fold(sender, map(unique, range(60, 360)))

    # Pages, contents, entry pages and exit pages, each for a quarter of the events.
    assert (rows() - before) / 300 < 4


def test_the_name_of_an_overflowed_source_is_not_an_unknown_key(sender: Sender) -> None:
    """The name is stored with the event, as unknown keys are."""
    file_and_fold(sender, [*map(unique, range(8)), unique(8) | {"surprise": {"context": 1}}])

    assert Event.objects.filter(extra__context__pdata__id__isnull=False).count() == 6
    assert set(UnknownKeys.objects.values_list("path", flat=True)) == {"surprise.context"}


def test_the_counts_of_versions_add_up_to_all_events(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2), of(None, 3), of("3", 4), of("4", 5)])
    file_and_fold(sender, [of("1", 6), of("4", 7), of("5", 8), of(None, 9)])

    named = {"1": 2, "2": 1, "": 2, OVERFLOW: 4}
    assert counts(Events, "events") == counts(Sessions, "sessions") == named
    assert dict(SourceVersion.objects.values_list("version", "events")) == named


def test_a_missing_version_does_not_count_towards_the_limit(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2), of("3", 3)])
    file_and_fold(sender, [of(None, 4), of("4", 5)])

    assert counts(Events, "events") == {"1": 1, "2": 1, "3": 1, "": 1, OVERFLOW: 1}


def test_a_long_version_has_its_truncated_name(sender: Sender) -> None:
    long = "v" * 900
    file_and_fold(sender, [of(long, 1)])
    file_and_fold(sender, [of("2", 2), of("3", 3), of("4", 4)])

    assert counts(Events, "events") == {long[: versions.LONGEST]: 1, "2": 1, "3": 1, OVERFLOW: 1}


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_and_verification_agree_before_and_after_the_limit(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2)])
    before = dump()
    rebuild()
    assert dump() == before

    file_and_fold(sender, [of(str(number), number) for number in range(3, 9)])
    after = dump()
    assert verified().startswith("Rollups agree: ")
    rebuild()
    assert dump() == after


def test_events_and_sessions_of_versions_beyond_the_limit_are_found(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2), of(None, 3), of("4", 4), of("5", 5)])

    over = {OVERFLOW: 1} | counts(Events, "events")
    for rows_of in (Event.objects.all(), Session.objects.all()):
        found = rows_of.filter(has_version([OVERFLOW])).values_list("version", flat=True)
        assert len(found) == over[OVERFLOW] == 2
        both = rows_of.filter(has_version([OVERFLOW, "1"])).values_list("version", flat=True)
        assert set(both) == {*found, "1"}


def test_with_few_versions_no_event_is_beyond_the_limit(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2)])

    assert not Event.objects.filter(has_version([OVERFLOW])).exists()
    assert OVERFLOW not in counts(Events, "events")


def test_the_lists_show_the_events_and_sessions_beyond_the_limit(
    sender: Sender, admin_client: Client
) -> None:
    """Reports link to them by the name they are counted under."""
    file_and_fold(sender, [of("1", 1), of("2", 2), of("3", 3), of("4", 4), of("5", 5)])

    for name in ("event", "session"):
        asked = {"version": OVERFLOW, "since": "2000-01-01T00:00"}
        listed: Any = admin_client.get(f"/admin/events/{name}/", asked)
        assert {row.version for row in listed.context_data["cl"].result_list} == {"4", "5"}
        found: Any = admin_client.get(f"/api/v1/{name}s/", {"version": OVERFLOW})
        assert len(found.json()["results"]) == 2


@pytest.mark.parametrize("page", ["errors", "sessions", "quality"])
def test_pages_explain_that_versions_are_counted_together(
    sender: Sender, admin_client: Client, page: str
) -> None:
    days = f"from={moment(base_ms()):%Y-%m-%d}&to={timezone.now():%Y-%m-%d}"
    file_and_fold(sender, [error("1", 1)])
    assert OVERFLOWN not in text_of(html_of(admin_client, f"/reports/{page}/?{days}"))

    file_and_fold(sender, [error(str(number), number) for number in range(2, 7)])
    assert OVERFLOWN in text_of(html_of(admin_client, f"/reports/{page}/?{days}"))


def error(version: str, number: int) -> Wire:
    """Return an ERROR event of a version that causes a warning."""
    edata = {"err": "E1", "errtype": "SYSTEM", "stacktrace": "at line 1", "pageid": 7}
    return of(version, number) | {"eid": "ERROR", "edata": edata}
