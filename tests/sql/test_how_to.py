"""The queries of docs/how-to/query-with-sql.md run unchanged and return rows."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.kinds import KINDS
from events.sessions.summarising import summarise_pending
from reports.cost.charging.updating import update_charges
from telemetry_project.demo import prices
from tests.sending import Sender, file_all, log_event, now_ms
from tests.sql.test_views import send
from tests.wire import samples

PAGE = Path(settings.BASE_DIR) / "docs/how-to/query-with-sql.md"
QUERIES: list[str] = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_page_has_ten_queries() -> None:
    assert len(QUERIES) == 10


@pytest.mark.django_db
def test_every_query_returns_rows(sender: Sender) -> None:
    for number, kind in enumerate(sorted(KINDS)):
        send(sender, kind, samples.complete(kind, ms=now_ms() - 60_000 + number))
    sender.batch(log_event() | {"edata": None})  # rejected
    file_all()
    summarise_pending(seconds=60)
    organization = sender.key.organization
    prices.apply(organization)
    update_charges(organization.pk, timezone.now(), history=True)
    for query in QUERIES:
        with connection.cursor() as cursor:
            cursor.execute(query)
            assert cursor.fetchall(), query


def test_the_example_period_ends_after_it_begins() -> None:
    begin, end = re.findall(r"occurred_at (?:>=|<) '(\S+)'", PAGE.read_text())[:2]
    assert datetime.fromisoformat(end).astimezone(UTC) > datetime.fromisoformat(begin).astimezone(UTC)
