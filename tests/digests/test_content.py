"""Digests have the same figures as report pages: their links are followed and the figures compared."""

from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from events.ownership.owner import Organization, Owner
from events.ownership.source import Source
from reports.charts.table import Row
from reports.cost import budgets
from reports.cost.budgets import Budget
from reports.cost.charging.updating import update_charges
from reports.digests import content
from reports.digests.digest import Digest
from reports.digests.facts import read
from reports.digests.locales import LOCALES
from reports.digests.models import Subscription
from reports.figures.cost import charges
from reports.figures.overview import overview
from reports.filters import Filters
from reports.pages.links import Links
from reports.pages.page import Context
from reports.pages.parameters import Choices, parse
from reports.pages.registry import PAGES
from reports.pages.report import Report
from reports.periods import DAY, Period
from telemetry_project.demo import home, prices
from tests.reports import lifelike
from tests.reports.lifelike import NOW
from tests.sessions.stored import summarise_due
from tests.spreadsheets.reading import read_by_all, rows_of, xlsx_rows

WRITTEN = LOCALES["en-gb"]
ALL = tuple(home.CONTACTS)


def _charge() -> None:
    organization = Organization.objects.get(slug=home.SLUG)
    prices.apply(organization)
    update_charges(organization.pk, NOW)


pytestmark = pytest.mark.django_db
stored = lifelike.of_module(summarise_due, _charge)

# First day, number of days, zone, owners.
ASKED = {
    "a day": (date(2026, 11, 17), 1, "UTC", ALL),
    "a day in Kathmandu": (date(2026, 11, 16), 1, "Asia/Kathmandu", (home.LEARNING,)),
    "a week": (date(2026, 11, 9), 7, "Europe/Berlin", (home.LEARNING, home.BUILD_TOOLS)),
    "the week that runs": (date(2026, 11, 16), 7, "America/St_Johns", ALL),
    "a month": (date(2026, 11, 1), 30, "UTC", (home.KEY_DELIVERY,)),
}
each_period = pytest.mark.parametrize("asked", list(ASKED))


def _asked(name: str) -> tuple[Period, list[Owner]]:
    first, days, zone, names = ASKED[name]
    owners = home.establish()
    return Period(first, first + days * DAY, ZoneInfo(zone)), [owners[each] for each in names]


def digest_for(name: str, **options: Any) -> Digest:
    """Compose the digest with attached files."""
    found = content.compose(Subscription(attach_csv=True, **options), *_asked(name), NOW)
    assert found is not None
    return found


def followed(path: str) -> tuple[Filters, Report]:
    """Return the filters and the report that an operator gets by following a link."""
    url = urlsplit(path)
    (page,) = (page for page in PAGES if url.path == f"/reports/{page.name}/")
    choices = Choices(
        owners={each.pk: each.name for each in Owner.objects.all()},
        sources={each.pk: each.name for each in Source.objects.all()},
        kinds=(),
        sees_all=True,
    )
    asked = parse(parse_qs(url.query), choices, NOW, own=page.own)
    assert asked.errors == ()
    context = Context(
        now=NOW,
        links=Links(page.name, asked.params),
        owners=dict(choices.owners),
        sources=dict(choices.sources),
        sees_all=True,
        params={own: tuple(asked.params.get(own, ())) for own in page.own},
    )
    return asked.filters, page.build(asked.filters, context)


def behind(digest: Digest, label: str) -> tuple[Filters, Report]:
    """Follow the link with this label."""
    (link,) = (link for link in digest.links if link.label == label)
    return followed(link.path)


def figures(digest: Digest) -> dict[str, str]:
    return {each.label: each.value for each in digest.figures}


def rows(report: Report, block: str) -> tuple[Row, ...]:
    found = report.block(block)
    assert found is not None
    return found.rows.rows


def file(digest: Digest, name: str) -> list[list[str]]:
    """Return the rows of an attached file, or none without the file."""
    found = [each.content for each in digest.files if each.name == name]
    return read_by_all(found[0], "csv")[1:] if found else []


@each_period
def test_links_have_the_digests_filters(asked: str) -> None:
    period, owners = _asked(asked)
    digest = digest_for(asked)
    assert [link.label for link in digest.links] == ["At a glance", "Sessions", "Errors", "Cost"]
    for label in ("At a glance", "Sessions", "Errors"):
        filters, _ = behind(digest, label)
        before = period.before().as_far_as(period, NOW)
        assert filters == Filters(tuple(owner.pk for owner in owners), period, period.finest(), before)
    for path in (*(each.path for each in digest.notices), *(each.path for each in digest.tables)):
        if path.startswith("/reports/"):
            assert followed(path)[0].period == period, path


@each_period
def test_figures_equal_those_of_the_pages(asked: str) -> None:
    digest = digest_for(asked)
    told = figures(digest)
    _, glance = behind(digest, "At a glance")
    _, sessions = behind(digest, "Sessions")
    _, errors = behind(digest, "Errors")
    shown = {each.title: each for each in (*glance.figures, *errors.figures)}
    measured = {row.cells[0].removesuffix(" (UTC hours)"): row.cells[1] for row in rows(glance, "numbers")}
    assert told["Events"] == shown["Events"].exact.removesuffix(" events")
    assert told["Sessions"] == shown["Sessions"].exact.removesuffix(" sessions")
    assert told["Errors"] == shown["Errors"].exact.removesuffix(" errors")
    median = measured["Time spent per session, median (estimate)"]
    assert told["Median time"] == median.unit.short(median.value)
    part, whole = (
        measured[name].value for name in ("Share of received events that were rejected", "Received")
    )
    assert told["Rejected"] == f"{round(part * whole):,}"
    for label in ("Events", "Sessions", "Errors"):
        change = shown[label].change
        (said,) = (each.change for each in digest.figures if each.label == label)
        assert change is not None
        assert said.replace("\N{NO-BREAK SPACE}", " ") == change.text.replace("none before", "nothing before")
    assert sessions.figures[0].value == shown["Sessions"].value


@each_period
def test_tables_and_files_equal_those_of_the_pages(asked: str) -> None:
    digest = digest_for(asked)
    _, glance = behind(digest, "At a glance")
    _, errors = behind(digest, "Errors")
    for name in ("sources", "pages"):
        shown = [[str(cell) for cell in row.cells] for row in rows(glance, name)]
        assert file(digest, f"{name}.csv") == shown
    groups = list(rows(errors, "groups")) if errors.empty is None else []
    assert [(row[0], int(row[2])) for row in file(digest, "errors.csv")] == [
        (row.cells[0], row.cells[2]) for row in groups
    ]
    over_time = file(digest, "over-time.csv")
    assert len(over_time) == len(glance.block("kinds").chart.buckets)  # type: ignore[union-attr]
    for column, label in ((1, "Events"), (2, "Sessions"), (4, "Errors")):
        assert sum(int(row[column] or 0) for row in over_time) == int(figures(digest)[label].replace(",", ""))
    (book,) = (each.content for each in digest.files if each.name == "figures.xlsx")
    for each in digest.files[:-1]:
        head, *values = xlsx_rows(book, each.name.removesuffix(".csv"))
        assert [name for name in head if name in rows_of(each.content)[0]] == rows_of(each.content)[0]
        assert len(values) == len(rows_of(each.content)) - 1
    for table in digest.tables:
        attached = file(digest, f"{table.title.lower()}.csv")
        assert len(table.rows) == min(len(attached), content.SHOWN)


@each_period
def test_the_cost_equals_that_of_the_cost_page(asked: str) -> None:
    period, owners = _asked(asked)
    spent = read(period, owners, WRITTEN, NOW).spending
    keys = tuple(owner.pk for owner in owners)
    filters = Filters(keys, period, period.finest())
    month = charges.months_cost(charges.query(filters, date(2026, 11, 1), prices.CURRENCY), "kind", NOW)
    assert spent is not None
    assert (spent.so_far, spent.expected) == (month.whole.cost, month.forecast.expected)
    assert spent.so_far > 0
    told = figures(digest_for(asked))
    label = "Cost of November, UTC" if period.is_month else "Total cost of November, UTC"
    assert told[label] == f"{WRITTEN.number(spent.so_far, 2)}\N{NO-BREAK SPACE}EUR"
    if period.zone.key == "UTC" and not period.is_month:
        days = [
            cost_
            for day, by in month.days.items()
            if period.first <= day < period.end
            for cost_ in by.values()
        ]
        assert spent.used == sum(days, Decimal(0))
    glance = overview(filters, NOW).cost
    assert glance is not None
    assert (glance.so_far, glance.expected) == (spent.so_far, spent.expected)


def test_budgets_equal_those_of_the_cost_page() -> None:
    owner = home.establish()[home.KEY_DELIVERY]
    Budget.objects.update_or_create(
        owner=owner, first_month=date(2026, 11, 1), defaults={"amount": Decimal("0.01")}
    )
    digest = digest_for("a month")
    (standing,) = budgets.budget_statuses(date(2026, 11, 1), [owner.pk], NOW)
    assert standing.used > 1
    assert figures(digest)["Budget used"] == WRITTEN.percent(float(standing.used) * 100, 1)
    said = f"Key delivery has used {WRITTEN.percent(float(standing.used) * 100)} of its budget for the month."
    (notice,) = [each for each in digest.notices if "budget" in each.sentence]
    assert (notice.sentence, notice.path) == (said, f"/reports/cost/?owner={owner.pk}")
