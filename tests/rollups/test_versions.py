"""Versions in rollups: those beyond the limit of their source are counted as one, so rows stay few."""

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
    """An event that has nothing in common with any other, nor has its session."""
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
    """An event of a version in a session of its own."""
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
    """How many events or sessions each version has on its day."""
    found = rollup.objects.filter(grain=Grain.DAY).values("version").annotate(sum=models.Sum(column))
    return {row["version"]: row["sum"] for row in found}


def test_an_all_unique_event_adds_few_rows(sender: Sender) -> None:
    """Each rollup and grain had a row of each version: 27 rows an event in the benchmark."""
    file_and_fold(sender, map(unique, range(60)))
    before = rows()
    file_and_fold(sender, map(unique, range(60, 360)))

    # Pages, contents, and the pages that sessions begin and end with: for a quarter of the events each.
    assert (rows() - before) / 300 < 4


def test_a_source_beyond_the_limit_is_no_unknown_key(sender: Sender) -> None:
    """Its name is kept with the event, where a key that no column holds would be too."""
    file_and_fold(sender, [*map(unique, range(8)), unique(8) | {"surprise": {"context": 1}}])

    assert Event.objects.filter(extra__context__pdata__id__isnull=False).count() == 6
    assert set(UnknownKeys.objects.values_list("path", flat=True)) == {"surprise.context"}


def test_the_counts_of_versions_add_up_to_all_events(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2), of(None, 3), of("3", 4), of("4", 5)])
    file_and_fold(sender, [of("1", 6), of("4", 7), of("5", 8), of(None, 9)])

    named = {"1": 2, "2": 1, "": 2, OVERFLOW: 4}
    assert counts(Events, "events") == counts(Sessions, "sessions") == named
    assert dict(SourceVersion.objects.values_list("version", "events")) == named


def test_a_missing_version_is_never_one_too_many(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2), of("3", 3)])
    file_and_fold(sender, [of(None, 4), of("4", 5)])

    assert counts(Events, "events") == {"1": 1, "2": 1, "3": 1, "": 1, OVERFLOW: 1}


def test_a_long_version_has_the_name_that_it_is_known_by(sender: Sender) -> None:
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


def test_no_event_is_beyond_the_limit_where_there_are_few_versions(sender: Sender) -> None:
    file_and_fold(sender, [of("1", 1), of("2", 2)])

    assert not Event.objects.filter(has_version([OVERFLOW])).exists()
    assert OVERFLOW not in counts(Events, "events")


def test_the_lists_show_the_events_and_sessions_beyond_the_limit(
    sender: Sender, admin_client: Client
) -> None:
    """Reports link to them by the name that they are counted under."""
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
    """An error of a version, with a warning."""
    edata = {"err": "E1", "errtype": "SYSTEM", "stacktrace": "at line 1", "pageid": 7}
    return of(version, number) | {"eid": "ERROR", "edata": edata}
