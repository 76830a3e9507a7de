"""While figures are incomplete, nothing is compared, coloured or warned about."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store import completeness
from events.store.completeness import HIDDEN, Backfill, incomplete
from events.store.pending import TouchedQuarter
from events.store.usage import UsageHour, hour_of
from reports.digests import sending as digests
from reports.pages.page import Page
from reports.pages.registry import PAGES
from tests.admin.conftest import html_of
from tests.sending import Sender

pytestmark = pytest.mark.django_db
OF_FIGURES = [page for page in PAGES if "compare" in page.filters or page.group == "Cost"]
DERIVED = ("tally-bad", "tally-good", "tally-attention", "% less", "% more")


@pytest.fixture
def loading(sender: Sender) -> Callable[[], Backfill]:
    """A function that starts loading past events of the sender's organization."""

    def load() -> Backfill:
        now = timezone.now()
        return Backfill.objects.create(
            organization=sender.key.organization,
            name="demo data",
            since=now - timedelta(days=62),
            until=now,
            reached=now - timedelta(days=3),
            events_done=25,
            events_total=100,
            started_at=now - timedelta(minutes=2),
            updated_at=now,
        )

    return load


def usage(owner: Owner, source: Source, at: datetime, received: int, rejected: int = 0) -> None:
    UsageHour.objects.create(
        owner=owner,
        source=source,
        kind="log",
        dialect="sunbird",
        hour=hour_of(at),
        received=received,
        stored=received - rejected,
        rejected=rejected,
    )


@pytest.fixture
def figures(sender: Sender) -> None:
    """A drop from the week before, a silent source, many rejected events."""
    now, owner = timezone.now(), sender.key.default_owner
    source = Source.objects.create(organization=owner.organization, name="portal")
    usage(owner, source, now - timedelta(days=10), 1_000)
    usage(owner, source, now - timedelta(days=2), 100, rejected=50)


@pytest.mark.usefixtures("figures")
def test_the_front_page_hides_changes_while_events_are_loaded(
    operator: Client, loading: Callable[[], Backfill]
) -> None:
    before = html_of(operator, "/admin/")
    assert "less than in the week before" in before
    assert "Silent for 24 hours" in before

    load = loading()
    html = html_of(operator, "/admin/")

    assert "demo data is being loaded: 25 of 100 events" in html
    assert "complete in about 6 min" in html
    assert "in the week before" not in html
    assert "Silent for 24 hours" not in html
    assert "tally-attention" not in html
    Backfill.objects.filter(pk=load.pk).update(finished_at=timezone.now())
    assert "less than in the week before" in html_of(operator, "/admin/")


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize("page", OF_FIGURES, ids=lambda page: page.name)
def test_report_pages_hide_changes_while_events_are_loaded(
    page: Page, operator: Client, loading: Callable[[], Backfill]
) -> None:
    address = f"/reports/{page.name}/"
    assert HIDDEN not in html_of(operator, address)

    loading()
    html = html_of(operator, address)

    assert HIDDEN in html
    assert [word for word in DERIVED if word in html] == []


def test_other_organizations_see_nothing_of_a_load(sender: Sender, loading: Callable[[], Backfill]) -> None:
    loading()
    now = timezone.now()
    mine, others = [sender.key.default_owner_id], [0]

    assert incomplete(mine, now - timedelta(days=7), now, now)
    assert incomplete(None, now - timedelta(days=7), now, now)
    assert incomplete(others, now - timedelta(days=7), now, now) is None
    assert incomplete(mine, now - timedelta(days=90), now - timedelta(days=80), now) is None


def test_an_interrupted_load_says_that_it_resumes(sender: Sender, loading: Callable[[], Backfill]) -> None:
    loading()
    later = timezone.now() + timedelta(hours=1)

    found = incomplete(None, later - timedelta(days=7), later, later)

    assert found is not None
    assert "resumes at the next start" in found.sentence
    assert found.percent == 25


def test_quarters_pending_for_long_make_figures_incomplete(sender: Sender) -> None:
    now = timezone.now()
    TouchedQuarter.objects.create(owner=sender.key.default_owner, quarter=now, of_sessions=False)
    since, until = now - timedelta(days=1), now + timedelta(hours=1)

    assert incomplete(None, since, until, now) is None
    later = now + completeness.LAG + timedelta(minutes=1)
    assert incomplete(None, since, until, later) is not None
    assert incomplete(None, since - timedelta(days=9), since - timedelta(days=8), later) is None


def test_rebuilding_rollups_makes_figures_incomplete_at_once(sender: Sender) -> None:
    now = timezone.now()
    TouchedQuarter.objects.bulk_create(
        TouchedQuarter(
            owner=sender.key.default_owner, quarter=now - timedelta(minutes=15 * n), of_sessions=False
        )
        for n in range(1, completeness.MANY + 1)
    )
    assert incomplete(None, now - timedelta(days=60), now, now) is not None


def test_digests_and_budgets_wait_for_owners_being_loaded(
    sender: Sender, loading: Callable[[], Backfill]
) -> None:
    owner = sender.key.default_owner_id
    assert not completeness.are_being_loaded([owner])

    loading()

    assert completeness.are_being_loaded([owner])
    assert completeness.owners_being_loaded() == {owner}
    assert digests.LOADING_WAIT > digests.WAIT
