"""Each hot statement uses its index and reads no more rows than its limit."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from events.changes import reading
from events.changes.reading import Cursor
from events.event import Event
from events.identity import first_id, week_of
from events.ownership.api_key import KeyType
from events.ownership.owner import Owner
from events.store.copying import present
from events.webhooks import delivery
from events.webhooks.webhook import Webhook
from ingestion.filing import claims
from tests.admin.conftest import alice, filed, operator, team_a, team_b
from tests.plans import statements
from tests.plans.explaining import read_by
from tests.plans.filling import fill, start_afresh
from tests.plans.statements import ELSEWHERE, STATEMENTS, Hot
from tests.sending import MakeSender, Sender, log_event

__all__ = ["alice", "operator", "team_a", "team_b"]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "statements.md"


@pytest.fixture
def filled(team_a: Sender, team_b: Sender) -> None:
    """Fill the tables. Team A is the small one."""
    start_afresh()
    event = filed(team_a, log_event())
    fill(event.owner_id, team_b.key.default_owner_id, event.source_id)


def test_hot_statements_use_their_indexes_and_stay_within_their_row_limits(
    filled: None, make_sender: MakeSender, alice: Client, operator: Client
) -> None:
    sender = make_sender("Team A", kind=KeyType.SECRET)
    people = {
        "member": alice,
        "operator": operator,
        "key": Client(headers={"Authorization": f"Bearer {sender.text}"}),
    }
    faults = [fault for hot in STATEMENTS for fault in _faults(hot, people[hot.who])]
    faults += _drain_faults()
    faults += _webhook_faults(sender.key.default_owner)
    assert faults == [], "\n".join(faults)


def _faults(hot: Hot, client: Client) -> list[str]:
    day = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = hot.path.format(day=day)
    answers: list[Any] = []
    read = read_by(lambda: answers.append(client.get(path)), hot.tables)
    asked = f"{path} by the {hot.who}"
    assert answers[0].status_code == 200, asked
    found = [
        f"{asked} uses no {name} but {sorted(read.indexes)}"
        for name in hot.indexes
        if name not in read.indexes
    ]
    if not 0 < read.rows <= hot.most:
        found.append(f"{asked} reads {read.rows} rows: {read.plans}")
    weeks = max(len(partitions) for partitions in read.partitions.values())
    if hot.weeks is not None and weeks > hot.weeks:
        found.append(f"{asked} looks into {weeks} weeks")
    return found


def _drain_faults() -> list[str]:
    """Check that the drain looks for ids only in the partition of their week.

    The ids are from a past week: on Mondays the current one has so few events that reading all of them costs
    no more than looking up each ID.
    """
    over = week_of(timezone.now() - timedelta(days=7))
    week = Event.objects.filter(pk__gte=first_id(over), pk__lt=first_id(over + timedelta(days=7)))
    ids = sorted(event.int for event in week.values_list("pk", flat=True)[:500])
    read = read_by(lambda: present(ids), ["events_event"])
    weeks = len(read.partitions["events_event"])
    held = len(ids) == 500 and read.rows <= len(ids) and weeks == 1
    return [] if held else [f"the drain reads {read.rows} rows of {weeks} weeks by {read.indexes}"]


WEBHOOKS, ATTEMPTS = 40, 5_000


def _webhook_faults(owner: Owner) -> list[str]:
    """Check that the worker's search for webhooks with work reads one change of each and no attempt."""
    cursors = [str(Cursor()), str(reading.end())]
    webhooks = Webhook.objects.bulk_create(
        Webhook(owner=owner, name=str(number), url="https://a.example/", cursor=cursors[number % 2])
        for number in range(WEBHOOKS)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO events_webhookattempt (webhook_id, message, begin, "end", at, milliseconds, rows,'
            " bytes, error, is_again)"
            " SELECT %s, 'm', '', '', now(), 1, 1, 1, '', false FROM generate_series(1, %s)",
            [webhooks[0].pk, ATTEMPTS],
        )
        cursor.execute("ANALYZE events_webhookattempt, events_webhook")
    tables = ["events_change", "events_webhookattempt"]
    found: list[Any] = []
    read = read_by(lambda: found.extend(delivery.due(timezone.now())), tables)
    held = {"change_owner", "attempt_again"} <= read.indexes and read.rows <= WEBHOOKS
    held = held and len(found) == WEBHOOKS // 2
    return [] if held else [f"webhooks: {len(found)} due, {read.rows} rows by {read.indexes}: {read.plans}"]


INBOX, MANY = "ingestion_inboxrequest", 30_000


def test_a_claim_reads_no_more_of_the_inbox_than_two_blocks(team_a: Sender, team_b: Sender) -> None:
    """However many requests wait, and of however many owners."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {INBOX} (received_at, owner_id, dialect, encoding, strict, context, events, body)"
            " SELECT now(), CASE WHEN n = 1 THEN %s ELSE %s END, 'sunbird', 'json', false, '{}', 1, 'body'"
            " FROM generate_series(1, %s) AS n",
            [team_b.key.default_owner_id, team_a.key.default_owner_id, MANY],
        )
        cursor.execute(f"ANALYZE {INBOX}")
    bounds = claims.BlockLimits(requests=500, events=4_000, bytes=8 << 20)
    read = read_by(lambda: claims.select_block(bounds, below=3), [INBOX])
    assert "inbox_owner" in read.indexes
    # The owners, the requests offered, and the update of the selected ones.
    assert read.rows <= 3 * bounds.requests + 10, read.plans


def test_the_page_of_hot_statements_is_up_to_date() -> None:
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(statements.page())
    assert PAGE.read_text() == statements.page(), "WRITE_DOCS=1 pytest tests/plans"


@pytest.mark.parametrize("where", [where for _, where in ELSEWHERE])
def test_plan_tests_named_on_the_page_exist(where: str) -> None:
    assert (ROOT / where).is_file()
