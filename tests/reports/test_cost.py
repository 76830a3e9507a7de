"""The cost page: figures are sums of charges, down to the hour; invalid parameters are explained."""

import html
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.ownership.owner import Organization, Owner
from events.ownership.source import Source
from reports.charts.time_chart import TimeChart
from reports.cost.charges import Charge
from reports.cost.charging.closing import close
from reports.cost.charging.updating import update_charges
from reports.cost.plans import Discount, Method, PlatformCost, PricePlan
from reports.figures.cost import charges as figures
from reports.figures.cost.charges import MonthsCost
from reports.pages.cost import charges, focus_export
from reports.pages.cost.months import ZONE
from reports.pages.links import Links
from reports.pages.report import Report
from reports.periods import Period
from tests.admin.conftest import filed, html_of, many
from tests.admin.test_events_list import ids
from tests.cost import focus_rules
from tests.cost.ledgers import assign, at, organization, owner, plan, total, use
from tests.reports.asked import context, csv_of, file_of, filters
from tests.sending import Sender, log_event, now_ms
from tests.spreadsheets.reading import xlsx_rows

D = Decimal
AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)
NOW = at(12, 10)
CHARGES = {"events": "2", "ingested": "0.5", "stored": "0.1"}


@pytest.fixture
def owners(db: None) -> tuple[Owner, Owner]:
    """Two owners with two months of charges: tiers, discount, platform cost, unknown source, rejections."""
    a, b = owner("A"), owner("B")
    assign(plan(prices=CHARGES))
    Discount.objects.create(owner=b, percent=D(10), valid_from=at(1, month=8))
    PlatformCost.objects.create(
        organization=a.organization,
        name="Hosting",
        amount=D("10.01"),
        method=Method.EVENLY,
        first_month=AUGUST,
    )
    for day in range(1, 31):
        use(a, at(day, 3, month=8), stored=1_000_000, billed_bytes=10**9)
    for day in range(1, 13):
        use(a, at(day, 3), stored=1_500_000, billed_bytes=3 * 10**9)
        use(a, at(day, 4), by="app", kind="error", dialect="buildless", stored=200_000, rejected=300_000)
        use(b, at(day, 5), by="(unknown)", kind="", stored=700_001, billed_bytes=10**8)
    update_charges(a.organization_id, NOW)
    return a, b


def built(path: dict[str, str] | None = None, now: datetime = NOW, **narrower: Any) -> Report:
    asked = {name: (value,) for name, value in (path or {}).items()}
    names = {each.pk: each.name for each in Owner.objects.all()}
    links = Links("cost", {name: [*values] for name, values in asked.items()})
    usual = Period(date(2026, 9, 1), date(2026, 9, 8), ZONE)
    return charges.build(
        filters(usual, **narrower), context("cost", now=now, links=links, owners=names, params=asked)
    )


def found(by: str = "source", now: datetime = NOW, **only: Any) -> MonthsCost:
    asked = figures.CostQuery(SEPTEMBER, None, {"billing_month__currency": "EUR"} | only)
    return figures.months_cost(asked, by, now)


def cells(report: Report, block: str, column: str) -> list[Any]:
    table = report.block(block)
    assert table is not None, block
    place = [each.name for each in table.rows.columns].index(column)
    return [row.cells[place] for row in table.rows.rows]


@pytest.mark.parametrize("by", [*figures.DIMENSIONS])
def test_each_part_is_a_sum_of_charges(owners: tuple[Owner, Owner], by: str) -> None:
    shown = found(by)
    charges = Charge.objects.filter(billing_month__month=SEPTEMBER)
    column = figures.DIMENSIONS[by]
    expected = {
        row[column]: row["cost_sum"]
        for row in charges.values(column).annotate(cost_sum=Sum("cost")).order_by()
    }
    if by in ("kind", "dialect"):  # fixed costs have no kind or dialect
        expected[None] = total(billing_month__month=SEPTEMBER, meter="platform")
        expected[""] -= expected[None]
    assert {part.keys[0]: part.cost for part in shown.parts} == {k: v for k, v in expected.items() if v or k}
    assert shown.whole.cost == total(billing_month__month=SEPTEMBER) == sum(expected.values())
    assert shown.before.cost == total(billing_month__month=AUGUST)


def test_days_are_sums_of_their_charges(owners: tuple[Owner, Owner]) -> None:
    shown = found()
    fixed = total(billing_month__month=SEPTEMBER, meter="platform")
    assert sum(sum(day.values()) for day in shown.days.values()) == shown.whole.cost - fixed
    assert sum(shown.days[date(2026, 9, 3)].values()) == total(hour__gte=at(3), hour__lt=at(4))


def test_the_month_is_compared_with_as_many_days_of_the_month_before(owners: tuple[Owner, Owner]) -> None:
    shown = found()
    assert ", mostly by more events (+" in built().answer
    assert "in its first 11 days)" in built().answer
    assert (shown.compared_days, shown.change is not None) == (11, True)
    assert shown.change is not None
    fixed = D("10.01")
    assert shown.change.before == fixed + total(hour__lt=at(12, month=8), meter__in=CHARGES)
    assert shown.change.after == fixed + total(hour__gte=at(1), hour__lt=at(12), meter__in=CHARGES)
    assert sum(shown.change.causes.values()) == shown.change.whole


def test_events_that_could_be_dropped_are_listed_by_cost(owners: tuple[Owner, Owner]) -> None:
    report = built()
    costs = cells(report, "drop", "cost")
    assert costs == sorted(costs, reverse=True)
    assert sum(costs) == total(billing_month__month=SEPTEMBER) - D("10.01")
    assert cells(report, "drop", "kind") == ["log", "(unknown)", "error"]
    assert cells(report, "drop", "rejected") == [0, 0, 12 * 300_000]
    said = " ".join(each.sentence for each in report.attention)
    assert "name no source" in said
    assert "were rejected" in said


def test_a_day_links_to_its_hours_and_an_hour_lists_its_charges(owners: tuple[Owner, Owner]) -> None:
    month = built()
    block = month.block("days")
    assert block is not None
    assert block.chart is not None
    assert "day=2026-09-03" in str(block.chart.spec())
    assert "day=2026-09-13" not in str(block.chart.spec())

    day = built({"day": "2026-09-03", "month": "2026-09"})
    assert day.answer.startswith("3 September 2026 cost")
    assert sum(cells(day, "parts", "cost")) == total(hour__gte=at(3), hour__lt=at(4))
    assert day.figures[0].value == sum(cells(day, "parts", "cost"))

    hour = built({"day": "2026-09-03", "month": "2026-09", "hour": "3"})
    assert sum(cells(hour, "charges", "cost")) == total(hour=at(3, 3))
    table = hour.block("charges")
    assert table is not None
    links = [row.hrefs["quantity"] for row in table.rows.rows if row.hrefs]
    assert links
    within = "received_since=2026-09-03T03%3A00&received_until=2026-09-03T04%3A00"
    assert all(within in link and "kind=log&dialect=sunbird" in link for link in links)


@pytest.mark.parametrize("by", [*figures.DIMENSIONS])
def test_stacks_of_months_add_up_to_their_cost(owners: tuple[Owner, Owner], by: str) -> None:
    block = built({"by": by}).block("months")
    assert block is not None
    assert isinstance(block.chart, TimeChart)
    labels = [bucket.label for bucket in block.chart.buckets]
    assert labels == ["June 2026", "July 2026", "August 2026", "September 2026"]
    stacks = [
        [each.values[place] for each in block.chart.series if each.name != "still expected"]
        for place in range(len(labels))
    ]
    assert stacks[0] == stacks[1] == [None] * len(stacks[0]), "there were no charges"
    assert sum(cost or 0 for cost in stacks[2]) == total(billing_month__month=AUGUST)
    assert sum(cost or 0 for cost in stacks[3]) == total(billing_month__month=SEPTEMBER)
    whole = sum(each.values[3] or 0 for each in block.chart.series)
    assert whole == found().forecast.expected
    assert [bucket.href[-7:] for bucket in block.chart.buckets][2:] == ["2026-08", "2026-09"]


def test_the_months_chart_ends_with_the_requested_month(owners: tuple[Owner, Owner]) -> None:
    later = at(2, month=3, year=2028)
    block = built({"month": "2026-09"}, now=later).block("months")
    assert block is not None
    assert isinstance(block.chart, TimeChart)
    assert block.chart.buckets[-1].label == "September 2026"
    assert not any(each.name == "still expected" for each in block.chart.series)
    assert block.chart.series[0].values[0] is None
    assert built({"month": "2026-08"}, now=at(31, month=8)).block("months") is None, "there is but one"


def test_a_download_has_all_charges_of_the_readers_owners(
    team_a: Sender, team_b: Sender, alice: Client, operator: Client
) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for sender, name in ((team_a, "app of A"), (team_b, "secret app of B")):
        use(sender.key.default_owner, hour, by=name, stored=1_000)
    update_charges(team_a.key.default_owner.organization_id, hour)
    path = f"/reports/cost/focus.csv?month={hour:%Y-%m}"
    assert path in html_of(alice, "/reports/cost/")
    mine = csv_of(alice, path)
    assert "app of A" in mine
    assert "secret" not in mine
    assert list(focus_rules.examine(mine.splitlines(keepends=True))) == []
    assert "secret" not in csv_of(alice, f"{path}&owner={team_b.key.default_owner_id}")
    assert "secret" in csv_of(operator, path)
    narrowed = csv_of(operator, f"{path}&owner={team_a.key.default_owner_id}")
    assert narrowed == mine
    entry = AuditEntry.objects.filter(action="export.made").latest("pk")
    assert (entry.owner_id, entry.after["month"]) == (team_a.key.default_owner_id, [f"{hour:%Y-%m}"])
    head, *rows = xlsx_rows(file_of(alice, path.replace(".csv", ".xlsx")))
    assert {row[head.index("ResourceName")] for row in rows} == {"app of A"}
    for month in ("", "2026-13", "september"):
        assert alice.get(f"/reports/cost/focus.csv?month={month}")["Location"] == "/reports/cost/"


def test_a_month_of_too_many_charges_needs_the_command(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    use(team_a.key.default_owner, hour, by="an app", stored=1_000)
    update_charges(team_a.key.default_owner.organization_id, hour)
    path = f"/reports/cost/focus.csv?month={hour:%Y-%m}"
    most = len(csv_of(alice, path).splitlines()) - 1
    for form in ("csv", "xlsx"):
        path = f"/reports/cost/focus.{form}?month={hour:%Y-%m}"
        monkeypatch.setitem(focus_export.MOST_ROWS, form, most)
        assert alice.get(path).status_code == 200
        monkeypatch.setitem(focus_export.MOST_ROWS, form, most - 1)
        assert alice.get(path)["Location"] == "/reports/cost/"
        command = f"manage.py export_focus --month {hour:%Y-%m} --output focus-{hour:%Y-%m}.{form}"
        assert command in html_of(alice, "/reports/cost/")


def test_an_hour_links_to_the_charged_events(team_a: Sender, alice: Client) -> None:
    late = log_event("late", ets=now_ms() - 3 * 86_400_000)
    event = filed(team_a, late, *many(2), *many(1, "app"))
    mine, hour = event.owner, event.received_at.replace(minute=0, second=0, microsecond=0)
    update_charges(mine.organization_id, timezone.now())
    page = html_of(alice, f"/reports/cost/?month={hour:%Y-%m}&day={hour:%Y-%m-%d}&hour={hour:%H}")
    links = re.findall(r'href="(/admin/events/event/[^"]+)">([0-9]+)', page)
    found = {html.unescape(link): int(count) for link, count in links}
    listed = {
        Source.objects.get(pk=link.partition("source=")[2].partition("&")[0]).name: len(
            ids(html_of(alice, link))
        )
        for link in found
    }
    assert sorted(found.values()) == sorted(listed.values()) == [1, 3]
    assert listed == {"portal": 3, "app": 1}


def test_filters_apply_to_the_cost(owners: tuple[Owner, Owner]) -> None:
    _a, b = owners
    assert built(owners=(b.pk,)).figures[1].value == total(owner=b, billing_month__month=SEPTEMBER)
    report = built(kinds=("error",))
    assert report.figures[1].value == total(kind="error", billing_month__month=SEPTEMBER)
    assert built(owners=()).empty is not None


def test_a_past_month_has_no_forecast_and_shows_corrections(owners: tuple[Owner, Owner]) -> None:
    a, _ = owners
    later = at(2, month=10)
    close(a.organization, AUGUST, audit.command("test"), later)
    use(a, at(30, 4, month=8), stored=2_000_000)
    update_charges(a.organization_id, later)
    report = built({"month": "2026-08"}, now=later)
    assert "August 2026 cost" in report.answer
    assert "is closed" in report.answer
    assert next(figure.title for figure in report.figures) == "Cost"
    report = built({"month": "2026-09"}, now=later)
    assert cells(report, "corrections", "month")[0] == "2026-08"
    assert sum(cells(report, "corrections", "cost")) == total(is_correction=True) != 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ({"month": "2026-13"}, "Write a month like 2026-09."),
        ({"month": "2027-01"}, "is no month from"),
        ({"month": "0001-01"}, "is no month from"),
        ({"month": "2026-09", "day": "2026-10-01"}, "is no day of September 2026"),
        ({"month": "2026-09", "day": "x"}, "x isn't a date like 2026-01-31."),
        ({"month": "2026-09", "day": "2026-09-03", "hour": "24"}, "24 is no hour"),
        ({"month": "2026-09", "day": "2026-09-03", "hour": "²"}, "is no hour"),
    ],
)
def test_invalid_parameters_are_explained(
    owners: tuple[Owner, Owner], path: dict[str, str], said: str
) -> None:
    assert said in " ".join(built(path).errors)


def test_two_currencies_are_never_added_up(owners: tuple[Owner, Owner]) -> None:
    globex = organization("globex")
    c = owner("C", globex)
    dollars = plan("Dollars", prices=CHARGES)
    PricePlan.objects.filter(pk=dollars.pk).update(currency="USD")
    dollars.refresh_from_db()
    assign(dollars, of=globex)
    use(c, at(2), stored=3_000_000)
    update_charges(globex.pk, NOW)
    euro, dollar = built(), built({"currency": "USD"})
    assert euro.figures[1].value == total(owner__in=owners, billing_month__month=SEPTEMBER)
    assert dollar.figures[1].value == total(owner=c)
    assert "USD" in dollar.figures[1].text
    assert "EUR" in euro.figures[1].text
    assert [control.name for control in euro.controls] == ["month", "by", "currency"]


def test_the_page_takes_a_fixed_number_of_queries(operator: Client, team_a: Sender) -> None:
    mine = team_a.key.default_owner
    assign(plan(prices=CHARGES), of=mine.organization)
    now = timezone.now()
    asked = []
    for number in (1, 15):
        for place in range(number):
            use(mine, now.replace(minute=0, second=0, microsecond=0), by=f"app {place}", stored=1_000)
        update_charges(mine.organization_id, now)
        with CaptureQueriesContext(connection) as captured:
            shown = html_of(operator, "/reports/cost/")
        assert "app 0" in shown
        asked.append(len(captured.captured_queries))
    assert asked[0] == asked[1] <= 30


def test_members_see_only_the_cost_of_their_owners(
    team_a: Sender, team_b: Sender, alice: Client, operator: Client
) -> None:
    now = timezone.now()
    for sender, name in ((team_a, "app of A"), (team_b, "secret app of B")):
        mine = sender.key.default_owner
        if not Organization.objects.filter(plans__isnull=False, pk=mine.organization_id).exists():
            assign(plan(f"Plan {name}", prices=CHARGES), of=mine.organization)
        use(mine, now.replace(minute=0, second=0, microsecond=0), by=name, stored=1_000_000)
        update_charges(mine.organization_id, now)
    today = f"{now:%Y-%m-%d}"
    for path in ("", f"?day={today}", f"?day={today}&hour={now.hour}"):
        shown = html_of(alice, f"/reports/cost/{path}")
        assert "app of A" in shown
        assert "secret app of B" not in shown
        assert "secret app of B" in html_of(operator, f"/reports/cost/{path}")
    assert "secret" not in html_of(alice, "/reports/cost/?by=owner")  # it names owners, not their sources
    assert "secret" not in csv_of(alice, "/reports/cost/?csv=parts")
    assert "secret" in csv_of(operator, "/reports/cost/?csv=parts")


@pytest.mark.parametrize("by", [*figures.DIMENSIONS])
@pytest.mark.parametrize("day", ["", "2026-09-03"])
def test_a_chart_and_its_table_have_the_same_colours(owners: tuple[Owner, Owner], by: str, day: str) -> None:
    report = built({"by": by, "month": "2026-09"} | ({"day": day} if day else {}))
    drawn = report.block("hours" if day else "days")
    assert drawn is not None
    assert isinstance(drawn.chart, TimeChart)
    parts = report.block("parts")
    assert parts is not None
    hues = {row.cells[0]: row.hue for row in parts.rows.rows}
    series = {each.name: each.hue for each in drawn.chart.series if not each.is_beside}
    assert series
    assert series == {name: hues[name] for name in series}
