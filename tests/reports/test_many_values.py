"""Values that senders choose may be very many: pages fetch a bounded number of rows all the same."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from reports.figures.errors import errors
from reports.pages.registry import PAGES
from reports.periods import preset
from reports.rollups import members, reading, relation, silences, wholeness
from reports.rollups.columns import Bin, Key, Members
from reports.rollups.relation import Relation
from reports.rollups.rollup import Grain, Rollup, rollups
from tests.reports.asked import context, counted, filters
from tests.sending import Sender

pytestmark = pytest.mark.django_db
VALUES = 12_000
ROWS = 6_000  # that a statement may fetch: more than 50 types by 50 versions, of actors and sessions
# Keys with few values whatever senders send, and one of them.
FEW = {"kind": "error", "what": "actor", "role": "entry", "rating": "5"}


def fill(rollup: type[Rollup], owner: int, source: int) -> None:
    """Rows of yesterday and the week before, each with values of its own."""
    columns: dict[str, str] = {"owner_id": str(owner), "source_id": str(source), "grain": str(int(Grain.DAY))}
    day = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    columns["bucket"] = f"TIMESTAMPTZ '{day.isoformat()}' - n % 2 * interval '7 days'"
    for field in rollup.columns():
        if isinstance(field, Key):
            few = FEW.get(field.name)
            columns[str(field.column)] = f"'{few}'" if few else "'value ' || n / 2"
        elif isinstance(field, Bin):
            columns[str(field.column)] = "1000"
        elif isinstance(field, Members):
            columns[str(field.column)] = "ARRAY[n::bigint]"
        else:
            kind = field.db_type(connection)
            columns[str(field.column)] = {
                "timestamp with time zone": columns["bucket"],
                "text": "'text'",
            }.get(kind, "1")
    listed, made = ", ".join(f'"{name}"' for name in columns), ", ".join(columns.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{rollup._meta.db_table}" ({listed})'
            f" SELECT {made} FROM generate_series(1, {2 * VALUES}) n"
        )


@pytest.fixture
def fetched(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """How many rows each statement about rollups fetched."""
    source = counted(sender)
    for rollup in rollups():
        fill(rollup, sender.key.default_owner_id, source.pk)
    found: list[tuple[int, str]] = []

    def fetch(statement: Relation) -> list[tuple[Any, ...]]:
        rows = relation.fetch(statement)
        found.append((len(rows), statement.sql))
        return rows

    for module in (reading, members, silences, wholeness):
        monkeypatch.setattr(module, "fetch", fetch)
    return found


@pytest.mark.parametrize("name", [page.name for page in PAGES if "compare" in page.filters])
def test_pages_fetch_a_bounded_number_of_rows(fetched: list[tuple[int, str]], name: str) -> None:
    (page,) = [page for page in PAGES if page.name == name]
    period = preset("7d", timezone.now(), ZoneInfo("UTC"))
    page.build(filters(period, compare=period.before()), context(name, timezone.now()))
    assert fetched
    assert max(fetched)[0] <= ROWS, max(fetched)


def test_what_is_listed_is_counted_as_by_itself(fetched: list[tuple[int, str]]) -> None:
    found = errors(filters(preset("7d", timezone.now(), ZoneInfo("UTC"))), timezone.now())
    assert (found.sums.errors, found.groups_of) == (VALUES, VALUES)
    assert len(found.types) == len(found.versions) == 50
    assert {part.actors for part in (*found.types, *found.versions)} == {1}
