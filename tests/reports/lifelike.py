"""Lifelike data for tests of report pages: a small demo, posted and filed, and plain counts of its events."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from events.event import Event
from events.kinds import KINDS
from events.ownership.source import Source
from reports.filters import Filters
from reports.periods import DAY, Granularity, Period
from telemetry_project.demo import home, script, seeding
from telemetry_project.demo.rhythm import Period as Days
from tests.rollups.recomputed import fold_due

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
SPAN = 6  # days
Pair = tuple[Event, Any]  # an event and its kind's row

# Filters by name, with the arguments of Filters; owners and sources are given by name.
ASKED: dict[str, dict[str, Any]] = {
    "everything": {},
    "an owner": {"owners": (home.LEARNING,)},
    "nobody": {"owners": ()},
    "a source": {"sources": ("portal",)},
    "sources": {"sources": ("mobile", "content-service", "eligibility_and_benefits", "build-cache-agent")},
    "versions": {"versions": ("2.0.4", "5.4.0", "1.18.0")},
    "a country": {"countries": ("IN", "US")},
    "some days": {"first": date(2026, 11, 14), "days": 2},
    "Kathmandu": {"first": date(2026, 11, 15), "days": 1, "zone": "Asia/Kathmandu", "step": "hour"},
    "all at once": {"owners": (home.LEARNING,), "sources": ("portal", "mobile"), "versions": ("2.1.0",)},
}
# CI tests only these filters; `make test` on a developer's machine tests all.
TELLING = ("everything", "Kathmandu", "all at once")
each_filter = pytest.mark.parametrize("asked", TELLING if os.environ.get("CI") else list(ASKED))


def of_module(*more: Any) -> Any:
    """Return a fixture that files the demo once per module, then calls each of `more` to file more events."""

    @pytest.fixture(scope="module", autouse=True)
    def stored(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
        with django_db_blocker.unblock(), transaction.atomic():
            seeding.send(script.posts(1, Days.before(NOW, SPAN), 900), lambda _: None)
            for each in more:
                each()
            fold_due()
            yield
            transaction.set_rollback(True)

    return stored


def just_before(period: Period) -> Period:
    """Return as many days before a period, for which the demo has data, unlike for the week before."""
    return replace(period, first=period.first - (period.end - period.first), end=period.first)


def this_week() -> dict[str, Any]:
    """Return the period, for a question, of events that a test posts: the last days, whatever the date is."""
    return {"first": (timezone.now() - 7 * DAY).date(), "days": 9}


def question(asked: str, **more: Any) -> Filters:
    """Return the filters of that name."""
    given = ASKED[asked] | more
    first = given.get("first", date(2026, 11, 12))
    period = Period(
        first, first + given.get("days", SPAN + 1) * DAY, ZoneInfo(given.get("zone", "Europe/Berlin"))
    )
    owners = given.get("owners")
    return Filters(
        owners=None if owners is None else tuple(home.establish()[name].pk for name in owners),
        period=period,
        granularity=Granularity(given.get("step", "day")),
        compare=given.get("compare"),
        sources=tuple(Source.objects.get(name=name).pk for name in given.get("sources", ())),
        versions=given.get("versions", ()),
        countries=given.get("countries", ()),
    )


def events_matching(kind: str, filters: Filters) -> list[Pair]:
    """Return the events of a kind that match filters, by checking each event, in order of time."""
    details = KINDS[kind].model._default_manager.in_bulk()
    return [
        (event, details[event.pk])
        for event in Event.objects.filter(kind=kind).order_by("id")
        if matches(event, filters)
    ]


def of_people(pairs: list[Pair]) -> list[Pair]:
    """Leave out the events of bots."""
    return [pair for pair in pairs if not pair[0].is_bot]


def matches(event: Event, filters: Filters) -> bool:
    """True if an event matches the filters other than its kind."""
    return (
        filters.period.since <= event.occurred_at < filters.period.until
        and (filters.owners is None or event.owner_id in filters.owners)
        and (not filters.sources or event.source_id in filters.sources)
        and (not filters.versions or event.version in filters.versions)
        and (not filters.countries or event.country in filters.countries)
    )


def by_bucket(pairs: list[Pair], filters: Filters) -> tuple[int | None, ...]:
    """Return the number of events in each bucket, None for future buckets."""
    starts = filters.period.buckets(filters.granularity)
    found: list[int | None] = [None if start > NOW else 0 for start in starts]
    for event, _ in pairs:
        place = max(place for place, start in enumerate(starts) if start <= event.occurred_at)
        found[place] = (found[place] or 0) + 1
    return tuple(found)
