"""Lifelike data for tests of report pages: a small demo through the real way in, and a plain look at it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

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
Pair = tuple[Event, Any]  # an event and the row of its kind

# Filters by name, as of Filters; owners and sources by name.
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
# CI asks these; `make test` on a machine of one's own asks all.
TELLING = ("everything", "Kathmandu", "all at once")
each_question = pytest.mark.parametrize("asked", TELLING if os.environ.get("CI") else list(ASKED))


def of_module(*more: Any) -> Any:
    """A fixture: the demo, filed once for all tests of a module; `more` are called then, to file further."""

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
    """As many days before a period: there is data of them, and none of the week before."""
    return replace(period, first=period.first - (period.end - period.first), end=period.first)


def question(asked: str, **more: Any) -> Filters:
    """The filters of that name."""
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


def seen(kind: str, filters: Filters) -> list[Pair]:
    """The events of a kind that filters leave, by a plain look at all of them, in the order of time."""
    details = KINDS[kind].model._default_manager.in_bulk()
    return [
        (event, details[event.pk])
        for event in Event.objects.filter(kind=kind).order_by("id")
        if is_meant(event, filters)
    ]


def of_people(pairs: list[Pair]) -> list[Pair]:
    """Leave out the events of bots."""
    return [pair for pair in pairs if not pair[0].is_bot]


def is_meant(event: Event, filters: Filters) -> bool:
    """Whether filters leave an event, but for its kind."""
    return (
        filters.period.since <= event.occurred_at < filters.period.until
        and (filters.owners is None or event.owner_id in filters.owners)
        and (not filters.sources or event.source_id in filters.sources)
        and (not filters.versions or event.version in filters.versions)
        and (not filters.countries or event.country in filters.countries)
    )


def by_bucket(pairs: list[Pair], filters: Filters) -> tuple[int | None, ...]:
    """How many events each bucket has; None for buckets to come."""
    starts = filters.period.buckets(filters.granularity)
    found: list[int | None] = [None if start > NOW else 0 for start in starts]
    for event, _ in pairs:
        place = max(place for place, start in enumerate(starts) if start <= event.occurred_at)
        found[place] = (found[place] or 0) + 1
    return tuple(found)
