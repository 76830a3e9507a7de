"""Importing exports and files of offline applications gives equal rows and IDs and stores nothing twice."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.changes.change import Change
from events.event import Event
from events.exports.lines import json_lines
from events.kinds import KINDS
from events.lib.paging import EventQuery
from events.store.plain_rows import PlainReader
from events.store.usage import UsageHour
from ingestion.importing import filing
from ingestion.management.commands import import_events
from ingestion.rejected.event import RejectedEvent
from reports.cost.charges import Charge
from reports.cost.charging import verification
from reports.cost.charging.updating import update_charges
from tests.cost.ledgers import assign, plan
from tests.sending import (
    AVAILITY,
    EMIT,
    STREAM,
    MakeSender,
    Sender,
    emitted,
    file_all,
    log_event,
    message,
    now_ms,
)
from tests.wire import samples

pytestmark = pytest.mark.django_db
DAY = 86_400_000
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


def run(*files: Path, **options: Any) -> str:
    out = StringIO()
    call_command("import_events", *files, stdout=out, stderr=out, **options)
    return out.getvalue()


def exported(path: Path) -> Path:
    """Write all stored events to a file, as an export does."""
    path.write_bytes(b"".join(json_lines(PlainReader().pages(EventQuery(Event.objects.all())))))
    return path


def tables() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of events and kinds, except for the time of filing."""
    events: list[Any] = list(Event.objects.order_by("id").values())
    found: dict[str, list[dict[str, Any]]] = {"event": events}
    for row in found["event"]:
        del row["ingested_at"]
    for name, entry in KINDS.items():
        rows: Any = entry.model._default_manager.order_by("pk").values()
        found[name] = list(rows)
    return found


def empty() -> None:
    models: list[Any] = [*(entry.model for entry in KINDS.values()), Event, UsageHour, Change]
    for model in models:
        model._default_manager.all().delete()


def send_everything(sender: Sender) -> None:
    """Send every kind of every dialect, complete and minimal, and events that need a request's headers."""
    for make in (samples.complete, samples.minimal):
        for number, kind in enumerate(KINDS):
            event = make(kind, ms=now_ms() - number)
            dialect = KINDS[kind].schema.dialect
            if dialect == "sunbird":
                event["mid"] = f"{kind}-{make.__name__}"
                assert sender.batch(event)["errors"] == []
            else:
                response = sender.post(AVAILITY if dialect == "availity" else EMIT, event)
                assert response.status_code in (200, 201), response.content
    headers = {"User-Agent": AGENT, "X-Device-ID": "device-7", "X-Channel-ID": "channel-7"}
    bare = log_event("bare", context={"env": "home", "pdata": {"id": "portal"}})
    batch = {"id": "api.telemetry", "ver": "3.0", "ets": now_ms() - 5_000, "events": [bare]}
    for path, body, more in (
        ("/data/v3/telemetry", json.dumps(batch), {}),
        (AVAILITY, json.dumps(message()), {"Idempotency-Key": "once"}),
        (EMIT, json.dumps(emitted("sentwithanagent")), {}),
        (STREAM, "\n".join(json.dumps(emitted(f"sentinastream{n}")) for n in range(2)), {}),
    ):
        response = Client().post(
            path,
            body,
            "application/x-ndjson" if path == STREAM else "application/json",
            headers={"Authorization": f"Bearer {sender.text}"} | headers | more,
        )
        assert response.status_code in (200, 201), response.content
    edata = {"type": "x", "level": "INFO", "message": "m"}
    texts = {"nul": "a\x00b", "surrogate": "\ud800", "nested": [{"a": None}]}
    numbers = {"large": 1e22, "float": 1.0, "long": 2**70, "small": 1e-9, "negative": -0.0}
    for name, odd in (("odd texts", texts), ("odd numbers", numbers)):
        sender.batch(log_event(name, edata=edata | odd))
    file_all()


def test_an_export_imported_into_an_empty_database_gives_equal_tables(sender: Sender, tmp_path: Path) -> None:
    send_everything(sender)
    path, before = exported(tmp_path / "all.ndjson"), tables()
    stored = {row["kind"] for row in before["event"]}
    assert stored == set(KINDS)
    empty()

    said = run(path)

    after = tables()
    assert f"{len(before['event'])} events stored, 0 were stored before, 0 refused" in said
    assert after.keys() == before.keys()
    for name, rows in before.items():
        for mine, theirs in zip(rows, after[name], strict=True):
            differ = {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}
            assert not differ, (name, mine.get("kind"), differ)
    note = AuditEntry.objects.get(action="events.imported")
    assert note.after == {"stored": len(before["event"]), "known": 0, "refused": 0}


def test_importing_again_changes_nothing(sender: Sender, tmp_path: Path) -> None:
    send_everything(sender)
    path, before = exported(tmp_path / "all.ndjson"), tables()
    usage = list(UsageHour.objects.order_by("pk").values())
    said = run(path)
    assert f"0 events stored, {len(before['event'])} were stored before" in said
    assert tables() == before
    assert list(UsageHour.objects.order_by("pk").values()) == usage, "nothing is counted twice"


def test_an_interrupted_import_can_be_repeated(sender: Sender, tmp_path: Path) -> None:
    sender.batch(*(log_event(f"m{number}") for number in range(7)))
    file_all()
    path = exported(tmp_path / "all.ndjson")
    empty()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    with pytest.raises(CommandError, match="Line 4 is not JSON"):
        run(path)
    path.write_bytes(b"".join(lines))
    run(path)
    assert Event.objects.count() == 7


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize("form", ["body", "indented", "batches", "events"])
def test_files_of_offline_apps_keep_the_times_of_their_events(
    sender: Sender, tmp_path: Path, form: str, is_compressed: bool
) -> None:
    old = now_ms() - 3 * DAY
    events = [log_event(f"m{number}", ets=old + number) for number in range(4)]
    text = {
        "body": json.dumps({"id": "api.telemetry", "events": events}),
        "indented": json.dumps({"id": "api.telemetry", "events": events}, indent=2),
        "batches": "\n".join(json.dumps({"events": events[at : at + 2]}) for at in (0, 2)),
        "events": "\n\n".join(map(json.dumps, events)),
    }[form].encode()
    path = tmp_path / "offline"
    path.write_bytes(gzip.compress(text) if is_compressed else text)
    owner = sender.key.default_owner

    assert "4 events stored" in run(path, owner=owner.name.upper())

    assert {event.client_event_id for event in Event.objects.all()} == {"m0", "m1", "m2", "m3"}
    assert {int(event.occurred_at.timestamp() * 1000) - old for event in Event.objects.all()} == {0, 1, 2, 3}
    assert "0 events stored, 4 were stored before" in run(path, owner=owner.name)
    sender.batch(*events)
    assert file_all().duplicates == 4, "the application sends them after all"


def test_old_events_need_max_age(sender: Sender, settings: Any, tmp_path: Path) -> None:
    settings.EVENT_MAX_AGE_DAYS = 10
    settings.RETENTION_WEEKS = 0
    path = tmp_path / "offline"
    path.write_text(json.dumps(log_event("old", ets=now_ms() - 40 * DAY)))
    name = sender.key.default_owner.name
    with pytest.raises(CommandError, match="1 events can't be imported"):
        run(path, owner=name)
    assert not RejectedEvent.objects.exists()
    run(path, owner=name, max_age=60)
    assert Event.objects.count() == 1


def test_an_import_can_be_free_of_charge(sender: Sender, tmp_path: Path) -> None:
    owner = sender.key.default_owner
    assign(plan(prices={"events": "1", "ingested": "1", "stored": "1"}), of=owner.organization)
    path = tmp_path / "offline"
    path.write_text("\n".join(json.dumps(log_event(f"m{number}")) for number in range(3)))
    run(path, owner=owner.name, no_charge=True)
    sender.batch(log_event("paid"))
    file_all()
    assert UsageHour.objects.aggregate(stored=Sum("stored"), free=Sum("free")) == {"stored": 4, "free": 3}

    update_charges(owner.organization_id, timezone.now())

    assert verification.examine(timezone.now()).found == []
    consumed = dict(Charge.objects.values_list("meter").annotate(Sum("consumed")))
    paid = Event.objects.get(client_event_id="paid")
    assert consumed["events"] == 1
    assert consumed["ingested"] * 10**9 == paid.billed_bytes
    assert consumed["stored"] * 10**9 == Event.objects.aggregate(all=Sum("billed_bytes"))["all"]
    assert AuditEntry.objects.get(action="events.imported").after["no_charge"] is True
    (found,) = Event.objects.filter(client_event_id="m0")
    Event.objects.filter(pk=found.pk).update(billed_bytes=found.billed_bytes + 1)
    assert verification.examine(timezone.now()).found, "what is free is verified too"


def test_an_import_without_a_terminal_logs_its_progress(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_events, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(filing, "BLOCK_REQUESTS", 2)
    path = tmp_path / "offline"
    path.write_text("\n".join(json.dumps(log_event(f"m{number}")) for number in range(5)))
    lines = [line for line in run(path, owner=sender.key.default_owner.name).splitlines() if "%" in line]
    assert [line.partition("%, ")[2].partition(" events")[0] for line in lines] == ["2", "4", "5"]
    assert lines[-1].startswith("offline: 100%")


def test_events_can_be_imported_for_another_owner(
    sender: Sender, make_sender: MakeSender, tmp_path: Path
) -> None:
    sender.batch(log_event("m1"))
    sender.post(AVAILITY, message())
    file_all()
    path = exported(tmp_path / "all.ndjson")
    other = make_sender("Other team").key.default_owner
    assert "2 events stored" in run(path, owner=other.name)
    assert "0 events stored, 2 were stored before" in run(path, owner=other.name)
    assert Event.objects.filter(owner=other).count() == 2
    assert Event.objects.count() == 4


def test_a_dry_run_stores_nothing(sender: Sender, tmp_path: Path) -> None:
    path = tmp_path / "offline"
    event = log_event("m1")
    path.write_text(json.dumps({"events": [event, event, {"eid": "NOPE", "mid": "x"}]}))
    out = StringIO()
    with pytest.raises(CommandError):
        call_command(
            "import_events", path, owner=sender.key.default_owner.name, dry_run=True, stdout=out, stderr=out
        )
    assert "1 events would be stored, 1 were stored before, 1 refused" in out.getvalue()
    assert "line 1: unknown_kind" in out.getvalue()
    assert not Event.objects.exists()
    assert not UsageHour.objects.exists()
    assert not AuditEntry.objects.filter(action="events.imported").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ""),
        ("[1, 2]", "neither"),
        ("{}", "neither"),
        ("nonsense", "neither JSON"),
        ('{"wire": {}}', "needs `id`"),
        ('{"wire": {}, "id": "x", "owner": "o", "dialect": "sunbird", "occurred_at": "soon"}', "no time"),
        ('{"eid": "LOG"}\n{"eid": ', "Line 2 is not JSON"),
        ('{"eid": "LOG"}', "names no owner"),
    ],
)
def test_a_bad_file_is_explained(sender: Sender, tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad"
    path.write_text(text)
    if not text:
        assert "0 events stored" in run(path)
        return
    with pytest.raises(CommandError, match=reason):
        run(path)


def test_a_truncated_archive_and_a_missing_file_are_errors(sender: Sender, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(json.dumps(log_event()).encode())[:-20])
    with pytest.raises(CommandError, match=r"cut\.gz"):
        run(path, owner=sender.key.default_owner.name)
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "nowhere", owner=sender.key.default_owner.name)
    with pytest.raises(CommandError, match="no owner named"):
        run(path, owner="nobody")


def test_a_line_of_an_unknown_owner_is_an_error(sender: Sender, tmp_path: Path) -> None:
    now = timezone.now().isoformat()
    line = {"id": "x", "owner": "Nobody", "dialect": "sunbird", "occurred_at": now, "received_at": now}
    path = tmp_path / "lines"
    path.write_text(json.dumps(line | {"wire": log_event()}))
    with pytest.raises(CommandError, match="no owner named 'Nobody'"):
        run(path)
