"""Versions of sources are counted as events are filed, each event once, up to a limit of versions."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as some

from events.store import versions
from events.store.usage import WarningHour
from events.store.versions import OVERFLOW, SourceVersion, VersionKey, VersionSeen
from tests.sending import MakeSender, Sender, file_all, log_event, now_ms

SENT_MS = now_ms()  # the same for all, so that repeats are duplicates
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def of(version: str | None, number: int, source: str = "portal") -> Any:
    """Return an event of a version of a source."""
    pdata = {"id": source} | ({} if version is None else {"ver": version})
    context = {"channel": "c1", "env": "home", "pdata": pdata, "sid": "s1", "did": "d1"}
    mid = f"{source}:{(version or '')[:9]}:{number}"
    return log_event(mid, ets=SENT_MS - number, context=context)


def counts() -> dict[tuple[str, str], int]:
    """Return the number of events of each source and version."""
    rows = SourceVersion.objects.values_list("source__name", "version", "events")
    return {(source, version): events for source, version, events in rows}


def test_events_of_each_version_are_counted_without_duplicates(sender: Sender) -> None:
    sender.batch(of("2.1", 1), of("2.1", 2), of("2.2", 3), of(None, 4), of("2.1", 5, "shop"))
    file_all()
    sender.batch(of("2.1", 1), of("2.2", 6))
    file_all()
    assert counts() == {("portal", "2.1"): 2, ("portal", "2.2"): 2, ("portal", ""): 1, ("shop", "2.1"): 1}


def test_a_version_has_the_times_of_its_first_and_last_receipt(sender: Sender) -> None:
    sender.batch(of("2.1", 1))
    file_all()
    first = SourceVersion.objects.get()
    sender.batch(of("2.1", 2))
    file_all()
    row = SourceVersion.objects.get()
    assert (row.first_seen, row.last_seen > first.last_seen) == (first.first_seen, True)


def test_versions_beyond_the_limit_are_counted_under_one_name(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MOST", 2)
    sender.batch(of("1", 1), of("2", 2), of("3", 3), of("4", 4))
    file_all()
    sender.batch(of("1", 5), of("5", 6))
    file_all()
    assert counts() == {("portal", "1"): 2, ("portal", "2"): 1, ("portal", OVERFLOW): 3}


def test_a_long_version_is_truncated(sender: Sender) -> None:
    sender.batch(of("v" * 900, 1))
    file_all()
    assert counts() == {("portal", "v" * versions.LONGEST): 1}


HEARD = some.tuples(some.sampled_from(["", "1", "2"]), some.integers(0, 99), some.integers(1, 9))


@effort(max_examples=30)
@given(some.lists(HEARD))
def test_counts_do_not_depend_on_the_order_or_grouping_of_events(
    heard: list[tuple[str, int, int]],
) -> None:
    folded: dict[VersionKey, VersionSeen] = {}
    for version, minute, events in heard:
        at = NOW + timedelta(minutes=minute)
        versions.note_seen(folded, VersionKey(1, 1, version), VersionSeen(at, at, events))
    for version in {version for version, *_ in heard}:
        mine = [(minute, events) for name, minute, events in heard if name == version]
        row = folded[VersionKey(1, 1, version)]
        assert row.events == sum(events for _, events in mine)
        assert row.first == NOW + timedelta(minutes=min(minute for minute, _ in mine))
        assert row.last == NOW + timedelta(minutes=max(minute for minute, _ in mine))


def test_a_flood_of_versions_takes_linear_time(db: None) -> None:
    """Count comparisons instead of measuring time: twice the versions, about twice the comparisons."""
    compared = 0

    class Counted(VersionKey):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal compared
            compared += 1
            return super().__hash__()

    costs = []
    for number in (1_000, 2_000):
        flood = {Counted(1, 1, f"v{n:05}"): VersionSeen(NOW, NOW, 1) for n in range(number)}
        before = compared
        versions._without_room(flood.keys())
        costs.append(compared - before)
    assert costs[1] <= 2.5 * costs[0]


def test_warnings_of_versions_beyond_the_limit_are_counted_under_one_name(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each event of a flood could add a row."""
    monkeypatch.setattr(versions, "MOST", 1)
    for number in range(4):
        edata = {"type": "app", "mode": 5, "stageid": "s"}
        sender.batch(of(str(number), number) | {"eid": "START", "edata": edata})
    file_all()
    warned = WarningHour.objects.values_list("version", "count").filter(path="edata.mode")
    assert sorted(warned) == [("(overflow)", 3), ("0", 1)]


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_blocks_keep_to_the_limit(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second block waits for the first and counts the versions it added."""
    monkeypatch.setattr(versions, "MOST", 10)
    sender = make_sender()
    sender.batch(of("0", 0))
    file_all()
    first = SourceVersion.objects.get()
    floods = [
        {
            VersionKey(first.source_id, first.owner_id, f"{name}{n}"): VersionSeen(NOW, NOW, 1)
            for n in range(10)
        }
        for name in "ab"
    ]
    both = threading.Barrier(2)

    def add(flood: dict[VersionKey, VersionSeen]) -> None:
        try:
            with transaction.atomic():
                both.wait(30)
                versions.add(flood)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=(flood,)) for flood in floods]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SourceVersion.objects.exclude(version=OVERFLOW).count() == 10
    assert SourceVersion.objects.get(version=OVERFLOW).events == 11
