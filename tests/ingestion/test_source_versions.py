"""Versions of sources: counted as events are filed, once each, in bounds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as some

from events.store import versions
from events.store.versions import OVERFLOW, Heard, SourceVersion, VersionKey
from tests.sending import Sender, file_all, log_event, now_ms

SENT_MS = now_ms()  # a repeat is one of the same time
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def of(version: str | None, number: int, source: str = "portal") -> Any:
    """An event of a version of a source."""
    pdata = {"id": source} | ({} if version is None else {"ver": version})
    context = {"channel": "c1", "env": "home", "pdata": pdata, "sid": "s1", "did": "d1"}
    mid = f"{source}:{(version or '')[:9]}:{number}"
    return log_event(mid, ets=SENT_MS - number, context=context)


def counts() -> dict[tuple[str, str], int]:
    """How many events each version of each source has."""
    rows = SourceVersion.objects.values_list("source__name", "version", "events")
    return {(source, version): events for source, version, events in rows}


def test_each_version_of_a_source_is_counted_and_duplicates_are_not(sender: Sender) -> None:
    sender.batch(of("2.1", 1), of("2.1", 2), of("2.2", 3), of(None, 4), of("2.1", 5, "shop"))
    file_all()
    sender.batch(of("2.1", 1), of("2.2", 6))
    file_all()
    assert counts() == {("portal", "2.1"): 2, ("portal", "2.2"): 2, ("portal", ""): 1, ("shop", "2.1"): 1}


def test_it_is_known_from_its_first_to_its_last_receipt(sender: Sender) -> None:
    sender.batch(of("2.1", 1))
    file_all()
    first = SourceVersion.objects.get()
    sender.batch(of("2.1", 2))
    file_all()
    row = SourceVersion.objects.get()
    assert (row.first_seen, row.last_seen > first.last_seen) == (first.first_seen, True)


def test_versions_beyond_the_bound_are_counted_under_one_name(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MOST", 2)
    sender.batch(of("1", 1), of("2", 2), of("3", 3), of("4", 4))
    file_all()
    sender.batch(of("1", 5), of("5", 6))
    file_all()
    assert counts() == {("portal", "1"): 2, ("portal", "2"): 1, ("portal", OVERFLOW): 3}


def test_a_long_version_is_known_by_its_beginning(sender: Sender) -> None:
    sender.batch(of("v" * 900, 1))
    file_all()
    assert counts() == {("portal", "v" * versions.LONGEST): 1}


HEARD = some.tuples(some.sampled_from(["", "1", "2"]), some.integers(0, 99), some.integers(1, 9))


@effort(max_examples=30)
@given(some.lists(HEARD))
def test_in_whatever_order_and_parts_it_is_heard_the_sum_is_the_same(
    heard: list[tuple[str, int, int]],
) -> None:
    folded: dict[VersionKey, Heard] = {}
    for version, minute, events in heard:
        at = NOW + timedelta(minutes=minute)
        versions.hear(folded, VersionKey(1, 1, version), Heard(at, at, events))
    for version in {version for version, *_ in heard}:
        mine = [(minute, events) for name, minute, events in heard if name == version]
        row = folded[VersionKey(1, 1, version)]
        assert row.events == sum(events for _, events in mine)
        assert row.first == NOW + timedelta(minutes=min(minute for minute, _ in mine))
        assert row.last == NOW + timedelta(minutes=max(minute for minute, _ in mine))
