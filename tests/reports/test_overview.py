"""At a glance: every figure equals a plain count of the events, under every filter."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from events.event import Event
from events.ownership.source import Source
from events.sessions.session import Session
from events.store.usage import hour_of
from reports.cost.analysis.forecasts import forecast
from reports.cost.charging.updating import update_charges
from reports.figures.overview import overview
from reports.filters import Filters
from reports.pages.activity.overview import build
from reports.pages.words import ABOUT
from reports.periods import Granularity, preset
from reports.query import distinct
from reports.query.series import ended
from reports.query.series import filled as fill
from tests.admin.conftest import html_of
from tests.cost.ledgers import assign, plan, total, use
from tests.reports.asked import arrived, context, counted
from tests.reports.asked import filters as of_all
from tests.sending import Sender, log_event, now_ms

HOUR = 3_600_000
UTC_ZONE = ZoneInfo("UTC")


def event(name: str, hours_ago: float, source: str, eid: str = "LOG", **more: Any) -> dict[str, Any]:
    """Return an event of a source, in a session per source and day."""
    context = {
        "channel": "c",
        "env": "home",
        "did": f"device {source}",
        "sid": f"{source} {hours_ago // 24}",
        "pdata": {"id": source, "ver": "2" if source == "portal" else "1"},
    }
    edata = {
        "ERROR": {"err": "E1", "errtype": "SYSTEM", "stacktrace": "x"},
        "IMPRESSION": {"type": "view", "pageid": f"page of {source}", "uri": "/"},
    }
    made = log_event(
        name, ets=now_ms() - int(hours_ago * HOUR), eid=eid, actor={"id": name[:1], "type": "User"}
    )
    made["context"] = context
    return made | ({"edata": edata[eid]} if eid in edata else {}) | more


def test_running_buckets_are_left_out_of_sparklines_and_comparisons() -> None:
    now = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
    week = preset("7d", now, UTC_ZONE)
    asked = Filters(
        owners=None, period=week, granularity=Granularity.DAY, compare=week.before().as_far_as(week, now)
    )
    compared = asked.compared
    assert compared is not None
    assert ended((7,) * 7, asked, now) == (7,) * 6 + (None,)
    assert fill(dict.fromkeys(compared.period.buckets(Granularity.DAY), 7), compared, now) == (
        *(7,) * 6,
        None,
    )
    assert fill({}, asked, now) == (0,) * 7, "the running bucket of the period itself is shown"


@pytest.fixture
def filled(team_a: Sender, team_b: Sender) -> None:
    """Events of two owners and two sources, in the last week and the one before it."""
    arrived(
        team_a,
        *(event(f"a{number}", number, "portal") for number in range(30)),
        *(event(f"b{number}", 24 * number, "agent", "IMPRESSION") for number in range(12)),
        event("c1", 5, "portal", "ERROR"),
        event("c2", 24 * 9, "portal", "ERROR"),
    )
    arrived(team_b, *(event(f"d{number}", 30 * number, "portal") for number in range(5)))


FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"sources": "portal"},
    {"kinds": ("error", "impression")},
    {"versions": ("2",)},
    {"owners": "Team B"},
)


def plain(asked: Filters, period: Any) -> list[Event]:
    """Return the matching events by a plain query."""
    rows = Event.objects.filter(occurred_at__gte=period.since, occurred_at__lt=period.until)
    if asked.owners is not None:
        rows = rows.filter(owner_id__in=asked.owners)
    for name, values in (("source_id", asked.sources), ("kind", asked.kinds), ("version", asked.versions)):
        if values:
            rows = rows.filter(**{f"{name}__in": values})
    return list(rows)


@pytest.mark.parametrize("changes", FILTERS, ids=str)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
@pytest.mark.usefixtures("filled")
def test_each_figure_equals_a_count_of_events(changes: dict[str, Any], zone: str) -> None:
    now = timezone.now()
    if "sources" in changes:
        changes = {"sources": tuple(Source.objects.filter(name="portal").values_list("pk", flat=True))}
    if "owners" in changes:
        changes = {
            "owners": tuple(Event.objects.filter(owner__name="Team B").values_list("owner_id", flat=True))
        }
    period = preset("7d", now, ZoneInfo(zone))
    asked = of_all(period, compare=period.before(), **changes)
    found = overview(asked, now)

    these, those = plain(asked, period), plain(asked, period.before())
    assert found.before
    assert (found.sums.events, found.before.events) == (len(these), len(those))
    if not asked.kinds:  # actors and devices aren't counted by kind
        assert found.sums.actors == len({each.actor for each in these})
        assert found.sums.devices == len({each.device for each in these})
    for kind, counts in found.by_kind:
        assert sum(value or 0 for value in counts) == sum(each.kind == kind for each in these), kind
    assert {each.key: (each.count, each.before) for each in found.sources} == {
        key: tuple(sum(each.source_id == key for each in some) for some in (these, those))
        for key in {each.source_id for each in these}
    }
    days = [each.occurred_at.astimezone(ZoneInfo(zone)).date() for each in these]
    in_all = [sum(values[place] or 0 for _, values in found.by_kind) for place in range(7)]
    assert in_all == [days.count(period.first + timedelta(days=place)) for place in range(7)]


@pytest.mark.usefixtures("filled")
def test_sessions_and_pages_are_those_of_the_period() -> None:
    now = timezone.now()
    period = preset("7d", now, UTC_ZONE)
    found = overview(of_all(period), now)
    sessions = Session.objects.filter(started_at__gte=period.since, started_at__lt=period.until)
    assert found.sums.sessions == sessions.count()
    assert found.sums.with_errors == sessions.filter(errors__gt=0).count() == 1
    times = sorted(float(each.time_spent) for each in sessions)
    assert found.sums.median == pytest.approx(times[(len(times) - 1) // 2], rel=0.033)
    assert found.sums.longest_tenth == pytest.approx(times[-(-len(times) * 9 // 10) - 1], rel=0.033)
    shown, earlier = (
        [each for each in plain(of_all(some), some) if each.kind == "impression"]
        for some in (period, period.before())
    )
    compared = overview(of_all(period, compare=period.before()), now)
    assert [(page.key, page.count, page.before) for page in compared.pages] == [
        ("page of agent", len(shown), len(earlier))
    ]
    assert (found.sums.received, found.sums.rejected) == (Event.objects.count(), 0)


@pytest.mark.usefixtures("filled")
def test_the_answer_has_count_period_change_and_main_source() -> None:
    now = timezone.now()
    period = preset("7d", now, UTC_ZONE)
    asked = of_all(period, compare=period.before())
    names = dict(Source.objects.values_list("pk", "name"))
    report = build(asked, context(now=now, sources=names))
    count = overview(asked, now).sums.events
    assert report.answer.startswith(f"{count} events in the last 7 days, ")
    assert "than in the period before; portal sent " in report.answer
    assert build(of_all(preset("7d", datetime(2020, 1, 1, tzinfo=UTC), UTC_ZONE)), context()).empty


def rows_at(client: Client, href: str) -> int:
    """Return the number of rows in the list at an address."""
    return html_of(client, href).count("data-row")


@pytest.mark.parametrize(
    "changes", [{}, {"kinds": ("error", "impression")}, {"versions": ("1", "2")}], ids=str
)
@pytest.mark.usefixtures("filled")
def test_figures_link_to_as_many_events_and_sessions(changes: dict[str, Any], operator: Client) -> None:
    now = timezone.now()
    period = preset("7d", now, ZoneInfo("Asia/Kathmandu"))
    sources = tuple(Source.objects.values_list("pk", flat=True))
    asked = of_all(period, compare=period.before(), sources=sources, **changes)
    report = build(asked, context(now=now))

    for figure in report.figures[:2]:
        assert rows_at(operator, figure.href) == figure.value, figure.title
    kinds, in_numbers, by_source, pages = (block.rows for block in report.blocks)
    values = {
        row.hrefs[column.name]: value
        for row in kinds.rows
        for column, value in zip(kinds.columns, row.cells, strict=True)
        if column.name in row.hrefs
    }
    assert sum(values.values()) == report.figures[0].value
    values |= {row.hrefs["events"]: row.cells[1] for row in by_source.rows}
    values |= {row.hrefs["views"]: row.cells[1] for row in pages.rows if not changes.get("kinds")}
    values |= {in_numbers.rows[0].hrefs["value"]: in_numbers.rows[0].cells[1].value}
    for href, value in values.items():
        assert rows_at(operator, href) == value, href
    assert all(row.hrefs["value"] for row in in_numbers.rows if row.cells[1].value)


@pytest.mark.usefixtures("filled")
def test_counts_from_a_sample_are_marked_as_approximate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    asked = of_all(preset("7d", now, UTC_ZONE))
    exact = build(asked, context(now=now))
    assert not exact.figures[2].text.startswith("about")
    assert ABOUT not in exact.note
    monkeypatch.setattr(distinct, "BOUND", 1)
    report = build(asked, context(now=now))
    assert report.figures[2].text.startswith("about ")
    assert report.figures[2].exact.startswith("about ")
    assert report.note.endswith(ABOUT)
    titles = [row.cells[0] for row in report.blocks[1].rows.rows]
    assert [title for title in titles if "Active" in title] == [
        "Active actors (estimate)",
        "Active devices (estimate)",
    ]


def test_cost_is_this_months_charges_with_a_forecast(team_a: Sender) -> None:
    now = timezone.now()
    owner = team_a.key.default_owner
    assert overview(of_all(preset("7d", now, UTC_ZONE)), now).cost is None
    assign(
        plan(since=datetime(2020, 1, 1, tzinfo=UTC)),
        of=owner.organization,
        since=datetime(2020, 1, 1, tzinfo=UTC),
    )
    use(owner, hour_of(now), stored=5_000_000, billed_bytes=10**9)
    update_charges(owner.organization_id, now)
    mine = of_all(preset("7d", now, UTC_ZONE), owners=(owner.pk,))
    found = overview(mine, now).cost
    assert found
    assert found.so_far == total(owner=owner) > 10
    assert found.expected == forecast(now.date().replace(day=1), (owner.pk,), now).expected
    rows = build(mine, context(now=now)).blocks[1].rows.rows[-2:]
    assert [row.cells[1].value for row in rows] == [found.so_far, found.expected]
    assert all("/reports/cost/" in row.hrefs["value"] for row in rows)


def test_many_rejected_events_cause_a_warning(team_a: Sender) -> None:
    bad = log_event("bad", eid="IMPRESSION", edata={"type": "view"})
    arrived(team_a, log_event("good"), bad)
    now = timezone.now()
    report = build(of_all(preset("7d", now, UTC_ZONE)), context(now=now))
    assert [each.sentence for each in report.attention] == ["1 event of 2 was rejected."]


def test_a_silent_source_causes_a_warning(team_a: Sender) -> None:
    arrived(team_a, event("a", 1, "portal"))
    for place in range(4):
        counted(team_a, 30 + place, 5, source=f"agent {place}")
    now = timezone.now()
    report = build(of_all(preset("7d", now, UTC_ZONE)), context(now=now))
    assert [each.sentence.replace("\N{NO-BREAK SPACE}", " ") for each in report.attention] == [
        "agent 0 has been silent for 1 d 6 h, after 5 events in two weeks.",
        "agent 1 has been silent for 1 d 7 h, after 5 events in two weeks.",
        "agent 2 has been silent for 1 d 8 h, after 5 events in two weeks.",
        "1 more source is silent.",
    ]


def test_the_chart_library_is_loaded_only_with_a_chart(filled: None, operator: Client) -> None:
    library = "vendor/echarts.common.min"
    with_charts = html_of(operator, "/reports/overview/")
    without = html_of(operator, "/reports/overview/?from=2020-01-01&to=2020-01-02")
    for html in (with_charts, without):
        assert not re.search(rf"<script[^>]*{library}", html), "charts.js loads it"
    assert re.search(rf'<link rel="preload" as="script" href="[^"]*{library}', with_charts)
    assert 'rel="preload"' not in without
