"""The page of accounts shows where every received event went, with missing ones first."""

from datetime import datetime

from django.test import Client

from events.accounts.audit import AuditEntry
from events.store.usage import UsageHour
from ingestion.rejected import replaying
from ingestion.rejected.event import RejectedEvent
from tests.admin.conftest import html_of
from tests.rejected.conftest import pageless, refused
from tests.rejected.test_discarding import discarded
from tests.rejected.test_pages import text_of
from tests.sending import Sender, log_event
from tests.spreadsheets.reading import read_by_all, table_of

ACCOUNTS = "/admin/ingestion/rejectedevent/accounts/"


def table(client: Client, **parameters: str) -> list[dict[str, str]]:
    response = client.get(ACCOUNTS, {"as": "csv", **parameters})
    assert response.status_code == 200
    return table_of(b"".join(response.streaming_content))  # type: ignore[attr-defined]  # a streaming response


def test_received_events_are_stored_duplicate_rejected_or_waiting(team_a: Sender, alice: Client) -> None:
    refused(team_a, log_event("LOG:1"), log_event("LOG:1"), log_event("LOG:2"), pageless())
    team_a.batch(log_event("LOG:waits"))
    waits, filed = sorted(table(alice), key=lambda row: row["received"])
    names = ("source", "received", "stored", "duplicates", "rejected", "waiting", "difference")
    assert [filed[name] for name in names] == ["portal", "4", "2", "1", "1", "0", "0"]
    assert [waits[name] for name in names] == ["(not filed yet)", "1", "0", "0", "0", "1", "0"]
    text = text_of(html_of(alice, ACCOUNTS))
    assert "The books balance: of 5 events received (last 7 days) each is stored" in text


def test_the_accounts_balance_after_replays_and_discards(team_a: Sender, alice: Client) -> None:
    rows = refused(team_a, *(pageless(f"IMPRESSION:{number}") for number in range(3)))
    good = b'{"eid":"IMPRESSION","ets":%d,"ver":"3.0","mid":"x","actor":{"id":"u","type":"U"},' % 1
    assert replaying.replay_edited(rows[0].pk, good, None).fault is not None
    discarded(team_a, [rows[1].pk])
    assert "The books balance" in html_of(alice, ACCOUNTS)
    assert "1 discarded" in html_of(alice, ACCOUNTS)


def test_missing_events_are_listed_first(team_a: Sender, alice: Client) -> None:
    refused(team_a, *(pageless(f"IMPRESSION:{number}") for number in range(3)))
    context = {"channel": "c", "env": "e", "pdata": {"id": "broken"}}
    refused(team_a, log_event("LOG:1", context=context))
    UsageHour.objects.filter(source__name="broken").update(received=5)
    first, *_ = table(alice)
    assert (first["source"], first["difference"]) == ("broken", "4")
    assert "1 row doesn&#x27;t balance" in html_of(alice, ACCOUNTS)


def test_lost_rejected_events_are_reported(team_a: Sender, alice: Client) -> None:
    refused(team_a)
    RejectedEvent.objects.all().delete()
    assert "1 rejected not found" in html_of(alice, ACCOUNTS)


def test_a_number_links_to_the_events_it_counts(team_a: Sender, alice: Client) -> None:
    (row,) = refused(team_a)
    html = html_of(alice, ACCOUNTS)
    owner, source = row.owner_id, row.source_id
    link = f"/admin/ingestion/rejectedevent/?owner={owner}&source={source}&day={row.received_at:%Y-%m-%d}"
    assert link.replace("&", "&amp;") in html
    assert f"/{row.pk}/change/" in html_of(alice, link)


def test_accounts_of_other_owners_are_hidden(
    team_a: Sender, team_b: Sender, bob: Client, charlie: Client, operator: Client
) -> None:
    refused(team_a)
    assert table(bob) == []
    assert table(bob, owner=str(team_a.key.default_owner_id)) == []
    assert charlie.get(ACCOUNTS).status_code == 403
    assert [row["owner"] for row in table(operator)] == ["Team A"]
    assert table(operator, owner=str(team_b.key.default_owner_id)) == []


def test_the_audit_trail_notes_a_download(team_a: Sender, alice: Client) -> None:
    table(alice, owner=str(team_a.key.default_owner_id))
    note = AuditEntry.objects.get(action="export.made")
    assert (note.actor_name, note.about, note.owner) == ("alice", "accounts as CSV", team_a.key.default_owner)


def test_names_are_never_formulas(team_a: Sender, alice: Client) -> None:
    context = {"channel": "c", "env": "e", "pdata": {"id": "=1+1"}}
    refused(team_a, log_event(context=context))
    assert [row["source"] for row in table(alice)] == ["'=1+1"]


def test_xlsx_has_the_same_rows_as_csv(team_a: Sender, alice: Client) -> None:
    refused(team_a, log_event("LOG:1"), log_event("LOG:2"))
    head, row = read_by_all(alice.get(ACCOUNTS, {"as": "xlsx"}).content, "xlsx")
    found = dict(zip(head, row, strict=True))
    assert (found["source"], found["received"]) == ("portal", 2)
    assert isinstance(found["day (UTC)"], datetime)
    assert [*table(alice)[0]] == head
    for title in ("CSV", "XLSX"):
        assert f"as={title.lower()}" in html_of(alice, ACCOUNTS)
