"""Data quality: every figure equals a plain count of events, rejected events and usage."""

import json
import os
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.event import Event
from events.identity import milliseconds
from events.kinds import KINDS
from events.store.usage import UsageHour, WarningHour
from ingestion.receiving.context import of_clock
from ingestion.rejected.discarding import DiscardedEvent, discard
from ingestion.rejected.event import RejectedEvent
from reports.figures.quality import OFF, Quality, Sums, quality
from reports.filters import Filters
from reports.pages.health import quality as page
from reports.pages.health.quality_sections import RANGES
from reports.pages.links import Links
from reports.pages.page import Context
from reports.rollups.declared.quality import SECONDS
from telemetry_project.demo import home, seeding
from telemetry_project.demo.posting import Post
from tests.reports.lifelike import (
    ASKED,
    NOW,
    TELLING,
    events_matching,
    just_before,
    of_module,
    question,
    this_week,
)
from tests.rollups.oracle import unknown_leaves
from tests.rollups.recomputed import fold_due
from tests.sending import Sender, log_event
from tests.sessions.stored import base_ms, file

pytestmark = pytest.mark.django_db
SENT = NOW - timedelta(days=2)


def odd() -> None:
    """Add what the demo lacks: missing soft fields, reused IDs, wrong clocks, unknown keys."""
    events = [_odd(number) for number in range(12)]
    for ahead_ms in (0, 0, 400_000, -90_000_000):
        seeding.send([_post(events, ahead_ms)], lambda _: None)
    seeding.send([_post([_odd(0) | {"edata": {"type": "other", "level": "INFO", "message": "x"}}], 0)], print)
    first = RejectedEvent.objects.order_by("pk").first()
    assert first is not None
    discard([first.pk], by="me", reason="junk", now=NOW, may_write=[first.owner_id])


def _odd(number: int) -> Any:
    event = log_event(f"odd{number}", ets=milliseconds(SENT) + number * 1000, surprise=number)
    event["context"]["pdata"] = {"id": "portal", "ver": "2.1.0" if number % 3 else "2.0.4"}
    event["edata"] = {"type": "system", "level": "INFO", "message": "x", "pageid": 5, "mood": {"is": "good"}}
    return event


def _post(events: list[Any], ahead_ms: int) -> Post:
    # With other IDs, except for the repeated one.
    renamed = [event | {"mid": f"{event['mid']}{ahead_ms}"} for event in events]
    body = {"id": "x", "ver": "3.0", "ets": milliseconds(SENT) + ahead_ms, "events": renamed}
    return Post(
        milliseconds(SENT),
        home.LEARNING,
        "sunbird",
        "json",
        json.dumps(body).encode(),
        len(events),
        context=of_clock(body["ets"], SENT),
    )


stored = of_module(odd)
QUESTIONS = {name: {"asked": name} for name in ASKED} | {
    "kinds": {"asked": "everything", "kinds": ("interact", "log")},
    "a version and a kind": {"asked": "versions", "kinds": ("log",)},
}
IN_CI = (*TELLING, "a version and a kind")
each_filter = pytest.mark.parametrize("name", IN_CI if os.environ.get("CI") else list(QUESTIONS))


def asked(name: str) -> Filters:
    """Return the filters of a name, including kinds."""
    given = dict(QUESTIONS[name])
    return replace(question(str(given["asked"])), kinds=given.get("kinds", ()))  # type: ignore[arg-type]


def events_of(filters: Filters) -> list[Event]:
    return [event for kind in filters.kinds or KINDS for event, _ in events_matching(kind, filters)]


def matches(row: Any, filters: Filters) -> bool:
    """True if a row other than an event matches owners, sources and kinds."""
    return (
        (filters.owners is None or row.owner_id in filters.owners)
        and (not filters.sources or row.source_id in filters.sources)
        and (not filters.kinds or row.kind in filters.kinds)
    )


def in_period(at: Any, filters: Filters) -> bool:
    return bool(filters.period.since <= at < filters.period.until)


def refused(filters: Filters) -> list[Any]:
    """Return matching rejected and discarded events."""
    rows = [*RejectedEvent.objects.all(), *DiscardedEvent.objects.all()]
    return [row for row in rows if matches(row, filters) and in_period(row.received_at, filters)]


def used(filters: Filters) -> list[UsageHour]:
    return [row for row in UsageHour.objects.all() if matches(row, filters) and in_period(row.hour, filters)]


def warned(filters: Filters) -> list[WarningHour]:
    return [
        row
        for row in WarningHour.objects.all()
        if matches(row, filters)
        and in_period(row.hour, filters)
        and (not filters.versions or row.version in filters.versions)
    ]


@each_filter
def test_rejected_events_are_counted_by_code_source_and_time(name: str) -> None:
    filters = asked(name)
    found = quality(filters, NOW)
    if filters.versions or filters.countries:
        assert (found.rejected, found.sums.rejected, found.sums.received) == (None, None, None)
        return
    rows = refused(filters)
    assert found.rejected is not None
    assert found.rejected.by_code == Counter(row.code for row in rows)
    assert list(found.rejected.by_code.values()) == sorted(found.rejected.by_code.values(), reverse=True)
    assert found.rejected.by_source == Counter(row.source_id for row in rows)
    starts = filters.period.buckets(filters.granularity)
    for code, counts in found.rejected.over_time.items():
        places = Counter(
            max(place for place, start in enumerate(starts) if start <= row.received_at)
            for row in rows
            if row.code == code
        )
        assert counts == tuple(None if start > NOW else places[place] for place, start in enumerate(starts))
    assert found.sums.rejected == len(rows)
    assert (
        len(rows) == sum(row.rejected for row in used(filters)) or filters.period.zone.key == "Asia/Kathmandu"
    )


@each_filter
def test_received_and_duplicate_events_are_counted(name: str) -> None:
    filters = asked(name)
    found = quality(filters, NOW)
    if filters.versions or filters.countries:
        assert found.sums.received is found.sums.duplicates is found.sums.conflicting is None
        return
    by_source = defaultdict(list)
    for row in used(filters):
        by_source[row.source_id].append(row)
    for measure in ("received", "duplicates", "conflicting"):
        counted = {source: sum(getattr(row, measure) for row in rows) for source, rows in by_source.items()}
        assert getattr(found.sums, measure) == sum(counted.values())
        assert {source: getattr(sums, measure) for source, sums in found.by_source.items()} == counted


def test_the_data_has_problems_of_each_sort() -> None:
    found = quality(asked("everything"), NOW)
    sums = found.sums
    assert (sums.duplicates or 0) > (sums.conflicting or 0) > 0
    assert sums.timed > sums.off > 0
    assert min(sums.rejected or 0, sums.warnings or 0, len(found.unknown), DiscardedEvent.objects.count())


@each_filter
def test_warnings_are_counted_by_source_version_and_field(name: str) -> None:
    filters = asked(name)
    found = quality(filters, NOW)
    if filters.countries:
        assert found.sums.warnings is None
        assert not found.by_version
        assert not found.fields
        return
    rows = warned(filters)
    assert found.sums.warnings == sum(row.count for row in rows)
    by_version: Counter[Any] = Counter()
    by_field: Counter[Any] = Counter()
    fields = defaultdict(set)
    for row in rows:
        by_version[row.source_id, row.version] += row.count
        by_field[row.path, row.code, row.kind, row.source_id, row.version] += row.count
        fields[row.source_id, row.version].add(row.path)
    assert {(each.source, each.version): each.warnings for each in found.by_version} == by_version
    assert {(each.source, each.version): each.fields for each in found.by_version} == {
        key: len(paths) for key, paths in fields.items()
    }
    assert {
        (each.path, each.code, each.kind, each.source, each.version): each.warnings for each in found.fields
    } == by_field
    numbers = [each.warnings for each in found.fields]
    assert numbers == sorted(numbers, reverse=True)


@each_filter
def test_clock_skew_is_counted_by_range(name: str) -> None:
    filters = asked(name)
    events = [(event.source_id, event.clock_skew_ms) for event in events_of(filters)]
    timed = [(source, skew) for source, skew in events if skew is not None]

    found = quality(filters, NOW)

    assert found.skews == Counter(sum(skew >= edge * 1000 for edge in SECONDS) for _, skew in timed)
    off = [source for source, skew in timed if not -OFF * 1000 <= skew < OFF * 1000]
    assert (found.sums.timed, found.sums.off) == (len(timed), len(off))
    assert {source: sums.off for source, sums in found.by_source.items() if sums.off} == Counter(off)


def test_the_ranges_of_clocks_are_named_for_their_bins() -> None:
    assert len(RANGES) == len(SECONDS) + 1
    assert RANGES[5] == ("±10 s", False)
    assert [name for name, is_off in RANGES if is_off] == [
        *(RANGES[place][0] for place in (0, 1, 2)),
        *(RANGES[place][0] for place in (8, 9, 10)),
    ]
    assert (RANGES[2][0], RANGES[8][0]) == ("-1 h to -5 min", "+5 min to +1 h")


@each_filter
def test_unknown_keys_are_ranked_by_frequency(name: str) -> None:
    filters = asked(name)
    events = events_of(filters)
    keys: Counter[Any] = Counter()
    for event in events:
        for path in dict.fromkeys(unknown_leaves(event.extra or {})):
            keys[path, event.kind] += 1

    found = quality(filters, NOW)

    assert {(each.path, each.kind): each.events for each in found.unknown} == keys
    assert found.unknown_of == len(keys)
    kinds = Counter(event.kind for event in events)
    for each in found.unknown:
        assert each.share == each.events / kinds[each.kind]


def test_unknown_keys_are_leaves_not_the_objects_around_them(sender: Sender) -> None:
    event = log_event("leaf", ets=base_ms(), object={})
    event["context"]["pdata"]["build"] = {"branch": "x", "flags": {}}
    event["edata"]["odd"] = [{"a": 1}]
    file(sender, event)
    fold_due()
    filters = question("everything", **this_week())
    (owner,) = {row.owner_id for row in Event.objects.filter(client_event_id="leaf")}

    found = {each.path for each in quality(replace(filters, owners=(owner,)), timezone.now()).unknown}

    assert found == {"context.pdata.build.branch", "context.pdata.build.flags", "edata.odd"}


def test_figures_are_compared_with_the_period_before() -> None:
    filters = replace(question("some days"), compare=just_before(question("some days").period))
    assert filters.compare is not None

    found = quality(filters, NOW)

    before = filters.over(filters.compare)
    assert found.before == quality(before, NOW).sums != found.sums
    assert {(each.source, each.version): each.before for each in found.by_version} == {
        key: sum(row.count for row in warned(before) if (row.source_id, row.version) == key)
        for key in {(each.source, each.version) for each in found.by_version}
    }


def built(found: Quality, monkeypatch: pytest.MonkeyPatch, names: dict[int, str]) -> Any:
    monkeypatch.setattr(page, "quality", lambda *_: found)
    return page.build(question("everything"), Context(NOW, Links("quality", {}), {}, names, sees_all=True))


def test_the_answer_and_warnings_match_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    found = quality(asked("everything"), NOW)
    sums = Sums(200, 30, 20, 4, 12, 100, 40)
    assert found.rejected is not None
    codes_of = {7: {"missing": 30}}
    made = replace(
        found,
        sums=sums,
        by_source={7: sums},
        rejected=replace(found.rejected, codes_of=codes_of),
        by_version=(),
    )

    report = built(made, monkeypatch, {7: "portal"})

    code = next(iter(found.rejected.by_code))
    assert report.answer == (
        f"30 of 200 events (15 %) received in the last 7 days were rejected, most often as “{code}”;"
        " 12 warnings about fields that weren't as they should be."
    )
    assert [each.sentence for each in report.attention] == [
        "15 % of what portal sent was rejected, most for missing.",
        "portal sent 4 events with an ID that it had already used for another event. Only the first is"
        " stored.",
        "40 % of the events of portal came from clocks that are wrong by 5 min or more.",
    ]


def test_without_problems_there_are_no_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    found = quality(asked("everything"), NOW)
    assert found.rejected is not None
    none = replace(found.rejected, by_code={}, by_source={}, codes_of={}, over_time={})
    sums = Sums(200, 0, 0, 0, 0, 100, 0)
    made = replace(found, sums=sums, by_source={7: sums}, rejected=none, by_version=(), fields=(), unknown=())

    report = built(made, monkeypatch, {})

    assert report.attention == ()
    assert report.answer.startswith("None of 200 events received ")
    assert report.block("codes").empty.title == "Nothing was rejected"
