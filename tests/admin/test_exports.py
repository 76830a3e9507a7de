"""Exports of a filtered list: complete, limited to the member's owners, safe in spreadsheets and audited."""

import json
from datetime import datetime

import pytest
from django.test import Client

from events.accounts.audit import AuditEntry
from events.event import Event
from events.spreadsheets.formulas import harmless
from tests.admin.conftest import EVENTS, filed, html_of, many
from tests.sending import Sender, log_event, now_ms
from tests.spreadsheets.reading import read_by_all, table_of, xlsx_rows
from tests.wire import samples

LOGS = "/admin/events/log/"


def exported(client: Client, path: str) -> bytes:
    response = client.get(path)
    assert response.status_code == 200, response.status_code
    return response.content


def test_json_lines_are_the_events_as_they_were_sent(team_a: Sender, alice: Client) -> None:
    sent = [samples.complete(kind, ms=now_ms(), mid=kind) for kind in ("log", "interact", "error")]
    filed(team_a, *sent)
    lines = exported(alice, f"{EVENTS}export.ndjson").splitlines()
    by_mid = {line["wire"]["mid"]: line["wire"] for line in map(json.loads, lines)}
    assert by_mid == {event["mid"]: event for event in sent}
    (line,) = map(json.loads, exported(alice, f"{LOGS}export.ndjson").splitlines())
    assert line["wire"]["mid"] == "log"
    event = Event.objects.get(kind="log")
    assert (line["id"], line["owner"], line["source"]) == (str(event.pk), "Team A", event.source.name)
    assert datetime.fromisoformat(line["occurred_at"]) == event.occurred_at
    assert datetime.fromisoformat(line["received_at"]) == event.received_at


def test_csv_has_columns_of_the_envelope_and_the_kind(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, log_event("one"))
    (row,) = table_of(exported(alice, f"{EVENTS}export.csv"))
    assert (row["id"], row["kind"], row["owner"], row["source"]) == (str(event.pk), "log", "Team A", "portal")
    assert row["occurred_at (UTC)"] == event.occurred_at.isoformat()
    (row,) = table_of(exported(alice, f"{LOGS}export.csv"))
    assert (row["actor"], row["log.level"], row["log.message"]) == ("u1", "INFO", "started")


def test_xlsx_has_the_same_rows_as_csv_and_unchanged_texts(team_a: Sender, alice: Client) -> None:
    texts = ["=cmd()", "0001194", "31220475204536320001", "12E10", "a;=1+1", "पाठ १", "a\r\nb"]
    filed(
        team_a, *(log_event(f"LOG:{n}", actor={"id": text, "type": "User"}) for n, text in enumerate(texts))
    )
    for path in (EVENTS, LOGS):
        head, *rows = read_by_all(exported(alice, f"{path}export.xlsx"), "xlsx")
        assert {row[head.index("actor")] for row in rows} == {text.replace("\r", "_x000D_") for text in texts}
        assert all(isinstance(row[head.index("occurred_at (UTC)")], datetime) for row in rows)
        assert all(isinstance(row[head.index("wire_bytes")], int) for row in rows)
        also = read_by_all(exported(alice, f"{path}export.csv"), "csv")
        assert (also[0], len(also)) == (head, len(rows) + 1)


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", '=HYPERLINK("http://x")'])
def test_texts_are_never_formulas(team_a: Sender, alice: Client, text: str) -> None:
    filed(team_a, log_event(actor={"id": text, "type": "User"}))
    (row,) = table_of(exported(alice, f"{EVENTS}export.csv"))
    assert row["actor"] == harmless(text)
    assert row["actor"].startswith("'")


def test_an_export_has_the_filtered_rows_in_the_lists_order(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.store.plain_rows.IDS", 3)
    monkeypatch.setattr("events.lib.paging.WINDOWS", (2, 3))
    filed(team_a, *many(10), log_event("other", actor={"id": "x", "type": "User"}))
    ids = [row["id"] for row in table_of(exported(alice, f"{EVENTS}export.csv"))]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 11
    for query, count in (("actor=x", 1), ("actor=u1", 10), ("session=s1", 11), ("q=other", 1)):
        for path in (EVENTS, LOGS):
            assert len(table_of(exported(alice, f"{path}export.csv?{query}"))) == count, (path, query)
    assert len(table_of(exported(alice, f"{LOGS}export.csv?level=INFO&actor=x"))) == 1
    assert 'href="export.csv?actor=x"' in html_of(alice, f"{EVENTS}?actor=x")


def test_nobody_exports_events_of_other_owners(
    team_a: Sender, team_b: Sender, alice: Client, charlie: Client, client: Client
) -> None:
    filed(team_a, *many(2))
    theirs = filed(team_b, *many(3))
    for path in (EVENTS, LOGS):
        for form in ("csv", "ndjson"):
            whole = exported(alice, f"{path}export.{form}")
            assert len(whole.splitlines()) == (3 if form == "csv" else 2)
            assert exported(alice, f"{path}export.{form}?owner={theirs.owner_id}").count(b"\n") == (
                form == "csv"
            )
        assert len(xlsx_rows(exported(alice, f"{path}export.xlsx"))) == 3
        for form in ("csv", "xlsx", "ndjson"):
            assert charlie.get(f"{path}export.{form}").status_code == 403
            assert client.get(f"{path}export.{form}").status_code == 302


def test_an_unknown_format_is_not_found(team_a: Sender, alice: Client) -> None:
    assert alice.get(f"{EVENTS}export.ods").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"), [("after=nonsense", 404), ("regions=DE", 400), ("session=%00", 200)]
)
def test_odd_parameters_of_an_export_are_handled(
    team_a: Sender, alice: Client, query: str, status: int
) -> None:
    assert alice.get(f"{EVENTS}export.csv?{query}").status_code == status


def test_the_audit_trail_notes_an_export_with_its_filters(team_a: Sender, alice: Client) -> None:
    filed(team_a, log_event())
    exported(alice, f"{EVENTS}export.csv?kind=log")
    entry = AuditEntry.objects.get(action="export.made")
    assert entry.actor_name == "alice"
    assert entry.about == "events as CSV"
    assert entry.owner == team_a.key.default_owner
    assert entry.after == {"kind": "log"}
