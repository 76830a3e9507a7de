"""Sessions: every figure equals a plain count of sessions and events."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.test import Client

from events.event import Event
from events.sessions.session import Session
from reports.charts.numbers import SECONDS
from reports.figures.sessions import (
    DEPTH_EDGES,
    SPENT_EDGES,
    Among,
    among_of,
    cohort_period,
    listed,
    sessions,
)
from reports.filters import Filters
from reports.pages.activity import sessions as page
from reports.pages.links import Links
from reports.pages.page import Context, Page
from reports.pages.registry import PAGES
from reports.periods import Granularity, Period
from reports.query.datasets import ENDS, VISITS
from reports.query.planner import answer
from reports.query.query import Query
from tests.admin.conftest import html_of
from tests.reports.asked import context as asked_context
from tests.reports.lifelike import NOW, by_bucket, each_filter, just_before, matches, of_module, question
from tests.sessions.stored import summarise_due

pytestmark = pytest.mark.django_db
stored = of_module(summarise_due)


def began(filters: Filters) -> list[Session]:
    """Return people's sessions that match filters, newest first, by checking each session."""
    return [
        session
        for session in Session.objects.order_by("-started_at", "-id")
        if filters.period.since <= session.started_at < filters.period.until
        and (filters.owners is None or session.owner_id in filters.owners)
        and (not filters.sources or session.source_id in filters.sources)
        and (not filters.versions or session.version in filters.versions)
        and (not filters.countries or session.country in filters.countries)
        and not session.is_bot
    ]


def acted(filters: Filters) -> list[Event]:
    people = Event.objects.exclude(actor=None).exclude(is_bot=True)
    return [event for event in people if event.actor and matches(event, filters)]


def between(values: list[float], edges: tuple[float, ...]) -> tuple[int, ...]:
    places = Counter(sum(value >= edge for edge in edges) for value in values)
    return tuple(places[place] for place in range(len(edges) + 1))


@each_filter
def test_number_duration_and_depth_of_sessions_are_measured(asked: str) -> None:
    filters = question(asked)
    rows = began(filters)
    spent = sorted(float(row.time_spent) for row in rows)

    found = sessions(filters, NOW)

    assert found.sums.sessions == len(rows)
    assert found.sums.single_page == sum(row.page_views == 1 for row in rows)
    assert found.sums.with_errors == sum(row.errors > 0 for row in rows)
    starts = [(Event(occurred_at=row.started_at), None) for row in rows]
    assert found.sessions == by_bucket(starts, filters)
    assert found.depth == between([row.page_views for row in rows], DEPTH_EDGES)
    # Exact to 2 %: a session that near to an edge may be counted on either side.
    near = sum(abs(value - edge) <= 0.04 * edge for value in spent for edge in SPENT_EDGES)
    apart = zip(found.spent, between(spent, SPENT_EDGES), strict=True)
    assert sum(abs(mine - plain) for mine, plain in apart) <= 2 * near
    assert sum(found.spent) == len(rows)
    if spent:
        assert found.sums.median == pytest.approx(spent[(len(spent) - 1) // 2], rel=0.04)
        assert found.sums.ninetieth == pytest.approx(spent[-(-len(spent) * 9 // 10) - 1], rel=0.04)


@each_filter
def test_entry_pages_exit_pages_and_shares_are_counted(asked: str) -> None:
    filters = question(asked)
    rows = began(filters)
    entries = {event.pk: event for event in Event.objects.filter(pk__in=[row.entry_event for row in rows])}

    for role, column in (("entry", "first_page"), ("exit", "last_page")):
        found = answer(Query(ENDS, ("sessions",), filters, ("page",), {"role": role}))
        pages = Counter(getattr(row, column) for row in rows if getattr(row, column) is not None)
        assert {row.keys[0]: row.count("sessions") for row in found.rows} == pages
        assert found.of == len(pages)
    values = {
        "device_type": [entries[row.entry_event].device_type for row in rows],
        "os_name": [entries[row.entry_event].os_name for row in rows],
        "version": [row.version for row in rows],
        "country": [row.country for row in rows],
    }
    for key, names in values.items():
        sharing = {
            name: [row for row, own in zip(rows, names, strict=True) if own == name] for name in set(names)
        }
        expected: dict[str, Any] = {
            name or "": (
                len(some),
                sum(row.page_views == 1 for row in some),
                sum(row.errors > 0 for row in some),
                pytest.approx(float(sum(row.time_spent for row in some))),
            )
            for name, some in sharing.items()
        }
        metrics = ("sessions", "single_paged", "errored", "seconds")
        split = answer(Query(VISITS, metrics, filters, (key,)))
        assert {row.keys[0]: tuple(row.values[name] for name in metrics) for row in split.rows} == expected


@each_filter
def test_new_and_returning_actors_are_counted(asked: str) -> None:
    filters = question(asked)
    everybody = acted(filters.over(Period(date(2026, 10, 1), filters.period.end, filters.period.zone)))
    starts = filters.period.buckets(filters.granularity)
    firsts: dict[Any, Any] = {}
    for event in sorted(everybody, key=lambda event: event.occurred_at):
        firsts.setdefault(event.actor, event.occurred_at)
    expected: list[tuple[int, int] | tuple[None, None]] = []
    for start, end in zip(starts, [*starts[1:], filters.period.until], strict=True):
        there = {event.actor for event in everybody if start <= event.occurred_at < end}
        new = sum(firsts[actor] >= start for actor in there)
        expected.append((None, None) if start > NOW else (new, len(there) - new))

    found = sessions(filters, NOW)

    assert list(zip(found.new, found.returning, strict=True)) == expected
    assert found.sums.actors == len({event.actor for event in acted(filters)})
    assert found.sums.new_actors == sum(at >= filters.period.since for at in firsts.values())


@each_filter
def test_retention_is_counted_by_week(asked: str) -> None:
    filters = question(asked)
    weeks = cohort_period(filters.period).buckets(Granularity.WEEK)
    ends = [*weeks[1:], cohort_period(filters.period).until]
    everybody = acted(filters.over(cohort_period(filters.period)))
    there = [
        {event.actor for event in everybody if start <= event.occurred_at < end}
        for start, end in zip(weeks, ends, strict=True)
    ]
    expected = []
    for place, actors in enumerate(there):
        new = actors.difference(*there[:place])
        expected.append(tuple(len(new & later) for later in there[place:]))

    assert [cohort.seen for cohort in sessions(filters, NOW).cohorts] == expected


def test_retention_ends_with_the_week_of_the_periods_last_day() -> None:
    period = Period(date(2026, 11, 12), date(2026, 11, 19), question("everything").period.zone)
    assert cohort_period(period).first == date(2026, 9, 28)
    assert cohort_period(period).last == date(2026, 11, 22)


def test_figures_are_compared_with_the_days_before() -> None:
    filters = question("some days", first=date(2026, 11, 16))
    before = filters.over(just_before(filters.period))
    compared = question("some days", first=date(2026, 11, 16), compare=just_before(filters.period))

    found = sessions(compared, NOW)

    earlier = began(before)
    assert found.before is not None
    assert found.before.sessions == len(earlier) > 0
    assert found.sessions_before == sessions(before, NOW).sessions
    pages = Counter(row.first_page for row in earlier)
    entries = answer(Query(ENDS, ("sessions",), compared, ("page",), {"role": "entry"}))
    assert {row.keys[0]: row.earlier("sessions") for row in entries.rows} == {
        row.keys[0]: pages[row.keys[0]] for row in entries.rows
    }


@each_filter
def test_the_latest_sessions_are_listed(asked: str) -> None:
    filters = question(asked)
    rows = began(filters)
    entries = {event.pk: event for event in Event.objects.filter(pk__in=[row.entry_event for row in rows])}

    def names(among: str) -> list[Any]:
        return [each.id for each in listed(filters, among_of(among))]

    assert names("") == [row.pk for row in rows][:50]
    assert names("entry:home") == [row.pk for row in rows if row.first_page == "home"][:50]
    assert names("exit:") == [row.pk for row in rows if row.last_page is None][:50]
    assert names("os:linux") == [row.pk for row in rows if entries[row.entry_event].os_name == "linux"][:50]
    assert names("pages:1") == [row.pk for row in rows if row.page_views == 1][:50]
    assert names("spent:2") == [row.pk for row in rows if 30 <= row.time_spent < 60][:50]


@pytest.mark.parametrize("text", ["", "x", "pages:", "pages:99", "spent:-1", "kind:error"])
def test_an_invalid_selection_lists_all_sessions(text: str) -> None:
    assert among_of(text) == Among()


def test_the_page_has_a_summary_and_names_the_version_with_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "FEW", 1)
    filters = question("everything")
    found = sessions(filters, NOW)
    context = Context(now=NOW, links=Links("sessions", {}), owners={}, sources={}, sees_all=True)

    report = page.build(filters, context)

    assert report.answer.startswith(f"{found.sums.sessions} sessions in the last 7 days")
    assert f"took {SECONDS.short(found.sums.median or 0)} or longer" in report.answer
    usual = found.sums.with_errors / found.sums.sessions
    by_version = answer(Query(VISITS, ("sessions", "with_errors"), filters, ("version",)))
    bad = {row.keys[0] for row in by_version.rows if (row.number("with_errors") or 0) > 2 * usual}
    assert bad, "a release of the demo brings errors"
    assert all(any(f"version {name} had" in each.sentence for name in bad) for each in report.attention)


@pytest.mark.parametrize(
    "each", [page for page in PAGES if not page.operators_only], ids=lambda each: each.name
)
def test_every_chart_has_a_description_and_every_figure_a_link(each: Page) -> None:
    report = each.build(question("everything"), asked_context(each.name, NOW))
    drawn = [block for block in report.blocks if block.chart and not block.is_empty]
    assert drawn or report.empty
    for block in drawn:
        assert block.chart
        assert block.sentence, block.name
        assert block.chart.sentence, block.name  # for people who can't see it
    for figure in report.figures if each.group != "Cost" else ():
        place, anchor, name = figure.href.partition("#")
        assert place or (anchor and report.block(name)), figure.title


def test_numbers_of_sessions_link_to_as_many(operator: Client) -> None:
    filters = question("sources", versions=("2.1.0", "5.4.0"))
    report = page.build(filters, asked_context("sessions", NOW))
    over_time = report.block("over-time")
    assert over_time
    counts = {row.hrefs["sessions"]: row.cells[1] for row in over_time.rows.rows if row.hrefs}
    assert counts
    assert sum(counts.values()) == report.figures[0].value
    for href, count in counts.items():
        assert html_of(operator, href).count("data-row") == min(count, 50), href


def test_the_selection_behind_a_figure_can_be_removed() -> None:
    context = Context(
        now=NOW,
        links=Links("sessions", {"among": ["entry:home"]}),
        owners={},
        sources={},
        sees_all=True,
        params={"among": ("entry:home",)},
    )
    report = page.build(question("everything"), context)

    assert [(control.value, control.options[0]) for control in report.controls] == [
        ("entry:home", ("", "All sessions"))
    ]
    block = report.block("listed")
    assert block is not None
    assert block.sentence == "The latest with entry: home."
