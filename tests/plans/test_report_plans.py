"""Report pages read events, sessions and rollups by index, and no more rows than they show."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from events.event import Event
from reports.figures import error_samples, funnel
from reports.figures.errors import Group
from reports.figures.funnel import step_of
from reports.figures.sessions import Among, listed
from reports.figures.single_events import newest
from reports.filters import Filters
from reports.periods import preset
from reports.query import reading
from reports.rollups.models import Events
from tests.admin.conftest import filed, team_a, team_b
from tests.plans.explaining import read_by
from tests.plans.filling import DAYS, fill, start_afresh
from tests.reports.asked import filters as asked
from tests.sending import Sender, log_event

__all__ = ["team_a", "team_b"]
VISITS = 50
STEPS = tuple(map(step_of, ("event:log", "event:error:E42")))
EVENT, ERROR, SESSION, ROLLUP = "events_event", "events_error", "events_session", "rollups_events"


class Read(NamedTuple):
    """A read of some tables, the indexes it has to use, and the most rows it may read."""

    what: str
    ask: Callable[[Filters], object]
    tables: tuple[str, ...]
    indexes: tuple[str, ...]
    most: int


def _samples(filters: Filters) -> None:
    period = filters.period
    group = Group("E42", "SYSTEM", 1, None, period.since, timezone.now() - timedelta(seconds=1), 0, 0, ())
    assert len(error_samples.samples(filters, group)) == error_samples.SAMPLES


def _funnel(filters: Filters) -> None:
    """Count the steps of some visits, each with one event of this team."""
    rows = Event.objects.filter(session__startswith="visit ", owner__in=filters.owners or [])
    chosen = [
        funnel._Chosen(each.owner_id, each.source_id, each.session, None, None, each.pk, each.pk)
        for each in rows.order_by("-id")[:VISITS]
    ]
    assert len(chosen) == VISITS
    with connection.cursor() as cursor:
        cursor.execute(*funnel.statement(chosen, STEPS, "session"))
        assert len(cursor.fetchall()) == VISITS


READS = (
    Read("samples of errors", _samples, (EVENT, ERROR), ("events_error_pkey", "events_event_pkey"), 2_500),
    Read("a funnel", _funnel, (ERROR,), ("events_error_pkey",), VISITS * 20),
    Read(
        "the newest of a kind",
        lambda filters: newest("log", filters, 100),
        (EVENT, "events_log"),
        ("event_owner",),
        5_000,
    ),
    Read(
        "the latest sessions", lambda filters: listed(filters, Among()), (SESSION,), ("session_owner",), 250
    ),
    Read(
        "a month by day",
        lambda filters: reading.series(Events, filters, ["events"], by="kind"),
        (ROLLUP,),
        ("events_bucket",),
        # Read twice, for top values and for lines: a row per day, and hours at the ends of the period.
        2 * (DAYS + 48),
    ),
)


@pytest.fixture
def small_team(team_a: Sender, team_b: Sender) -> Filters:
    """Filters of the small team for the last month."""
    start_afresh()
    event = filed(team_a, log_event())
    fill(event.owner_id, team_b.key.default_owner_id, event.source_id)
    return asked(preset("30d", timezone.now(), ZoneInfo("UTC")), owners=(event.owner_id,))


def test_report_pages_use_indexes_and_read_few_rows(small_team: Filters) -> None:
    faults = [fault for each in READS for fault in _faults(each, small_team)]
    assert faults == [], "\n".join(faults)


def _faults(each: Read, filters: Filters) -> list[str]:
    read = read_by(lambda: each.ask(filters), each.tables)
    found = [
        f"{each.what}: {name} isn't used but {sorted(read.indexes)}"
        for name in each.indexes
        if name not in read.indexes
    ]
    if not 0 < read.rows <= each.most:
        found.append(f"{each.what}: {read.rows} rows are read: {read.plans}")
    return found
