"""After an erasure, the actor's ID is in no table, no file and nowhere in Valkey."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.event import Event
from events.exports import jobs
from events.sessions.session import Session
from events.spreadsheets import xlsx_file
from events.spreadsheets.files import content, workbook
from events.spreadsheets.sheet import Heading, Sheet
from events.store import erasing
from ingestion.erasure import actors
from ingestion.rejected.event import RejectedEvent
from ingestion.tasks import replay
from reports.mail import delivery
from reports.mail.message import Attachment, MailContent
from reports.mail.models import SentMail, State
from telemetry_project.celery import app
from tests.admin.conftest import lead, logged_in
from tests.factories import person
from tests.ingestion.single_states import post_form, post_protobuf, post_query
from tests.mail.conftest import contact_of
from tests.rollups.recomputed import fold_due
from tests.sending import (
    AVAILITY,
    EMIT,
    STREAM,
    SUNBIRD,
    MakeSender,
    Sender,
    emitted,
    file_all,
    log_event,
    message,
    now_ms,
)
from tests.sessions.stored import summarise_due
from tests.store.test_removal import differences
from tests.store.traces import traces
from tests.wire import samples

__all__ = ["lead"]
pytestmark = pytest.mark.django_db(transaction=True)
# Names of actors.
ACTORS = {
    "an address": "Ann.Lee+7@Mail.example",
    "text of all sorts": "läufer 8841/'zx\" & co",
    "a number": "884199013",
}
REJECTED = "/admin/ingestion/rejectedevent/"


@pytest.fixture
def team_a(make_sender: MakeSender, settings: Any) -> Sender:
    """A sender of a team, with mails written to files."""
    settings.EMAIL_BACKEND = "reports.mail.files.EmailBackend"
    settings.EMAIL_FILE_PATH = str(Path(settings.DATA) / "mail")
    settings.MAIL_PAUSE_SECONDS = 0.0
    return make_sender("Team A", owners="all")


def of(actor: str, event: Any) -> Any:
    """Return an event with this actor."""
    return json.loads(json.dumps(event).replace('"user-42"', json.dumps(actor)))


def said(actor: str) -> dict[str, Any]:
    """Return fields in which an event may mention its actor."""
    return {
        "object": {"id": actor, "type": "User", "rollup": {"l1": actor}},
        "tags": [actor, f"of {actor}\x00"],
        "note": {actor: [f"{actor} did it"]},
    }


def spread(sender: Sender, actor: str) -> None:
    """Send events of the actor in every dialect and encoding, some of which are rejected."""
    for kind in samples.SUNBIRD:
        whole = of(actor, samples.complete(kind, ms=now_ms(), mid=f"{kind}:1"))
        whole["context"]["cdata"] = [{"type": "User", "id": actor}]
        sender.batch(whole | said(actor))
    error = of(actor, samples.complete("error", ms=now_ms(), mid="error:2"))
    error["edata"] |= {"err": f"NO_{actor}", "stacktrace": f"at {actor}"}
    search = of(actor, samples.complete("search", ms=now_ms(), mid="search:2"))
    search["edata"]["query"] = f"all of {actor}"
    zipped = gzip.compress(json.dumps({"id": "x", "ver": "3.0", "events": [error, search]}).encode())
    assert sender.post(SUNBIRD, zipped, **{"Content-Encoding": "gzip"}).status_code == 200
    entries = message()["telemetryBody"]["entries"]
    ours = {"owner": "Team A", "telemetryBody": {"level": "error", "entries": entries | {"userId": actor}}}
    sender.post(AVAILITY, message(**ours), **{"Idempotency-Key": f"key of {actor}".encode().hex()})
    post_form(sender, AVAILITY, message(**ours))
    if actor.isdecimal():
        entries = entries | {"userId": int(actor)}
        sender.post(AVAILITY, message(owner="Team A", telemetryBody={"level": "info", "entries": entries}))
    sender.post(EMIT, of(actor, samples.complete("emitted_event", ms=now_ms(), mid="a" * 20)))
    post_query(sender, EMIT, emitted("b" * 20, user=actor))
    post_protobuf(sender, EMIT, emitted("c" * 20, user=actor))
    lines = [emitted(letter * 20, user=actor) for letter in "de"]
    sender.post(STREAM, "\n".join(map(json.dumps, lines)), "application/x-ndjson")


def misspelt(sender: Sender, actor: str) -> None:
    """Send events of the actor that are rejected."""
    bad = {"edata": {"type": 1}, "actor": {"id": actor, "type": "User"}}
    escaped = "".join(f"\\u{ord(char):04x}" for char in actor)
    sender.batch(log_event("bad:1", **bad), log_event("bad:2", eid="NOPE", actor={"name": actor}))
    text = json.dumps({"id": "x", "ver": "3.0", "events": [log_event("bad:3", **bad)]})
    sender.post(SUNBIRD, text.replace(json.dumps(actor), f'"{escaped}"'))
    post_form(sender, AVAILITY, message(version=7, telemetryBody={"entries": {"userId": actor}}))
    post_protobuf(sender, EMIT, emitted("f" * 20, user=actor, timing={"occurred": "5"}))


def read(lead: Client, actor: str) -> None:
    """As a lead, search for the actor, export the results and get mail about it."""
    for query in ({"q": actor}, {"actor": actor}, {"q": f"note:{actor}"}):
        lead.get("/admin/events/event/", query)
        for form in ("csv", "xlsx", "ndjson"):
            response: Any = lead.get(f"/admin/events/event/export.{form}", query)
            assert response.status_code == 200


def mailed(sender: Sender, actor: str) -> None:
    """Send a mail that names the actor, and leave another one waiting."""
    to = contact_of(sender.key.default_owner)
    table = Attachment("errors.csv", f"code,count\nNO_{actor},1\n".encode())
    content = MailContent(
        f"Errors of {actor}", f"Most: NO_{actor}", f"<p>NO_{actor}</p>", attachments=(table,)
    )
    delivery.send(content, to=to, kind="budget", key="budget/1", now=timezone.now())
    delivery.deliver_due()
    delivery.send(content, to=to, kind="budget", key="budget/2", now=timezone.now())
    other = MailContent("Errors", "Most: NO_PAGE", "<p>NO_PAGE</p>")
    delivery.send(other, to=to, kind="budget", key="budget/3", now=timezone.now())


def logged(actor: str) -> None:
    """Make PostgreSQL log a failed statement with the actor in it."""
    with pytest.raises(DataError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / (length(%s) - length(%s))", [actor, actor])


def erase(actor: str, *options: str) -> str:
    output = StringIO()
    call_command(
        "erase_actor", "--owner=Team A", f"--actor={actor}", *options, stdout=output, stderr=StringIO()
    )
    return output.getvalue()


def names_of(actor: str) -> list[str]:
    return [name for name in erasing.names_of(actor) if name == actor or len(name) == 64]


@pytest.mark.parametrize("called", ACTORS)
def test_an_erasure_leaves_no_trace_of_an_actor(called: str, team_a: Sender, lead: Client) -> None:
    actor = ACTORS[called]
    # Ben and Ann share a session, which remains with only Ben.
    team_a.batch(log_event("ben:1", actor={"id": "ben", "type": "User"}))
    team_a.batch(log_event("ann:1", actor={"id": actor, "type": "User"}))
    spread(team_a, actor)
    misspelt(team_a, actor)
    file_all()
    summarise_due()
    fold_due()
    read(lead, actor)
    mailed(team_a, actor)
    logged(actor)
    bad = RejectedEvent.objects.order_by("pk")
    lead.post(f"{REJECTED}discard/", {"ids": [bad[0].pk], "reason": f"A test of {actor}."})
    lead.post(f"{REJECTED}matching/?code={bad[0].code}")
    replay()
    app.send_task("ingestion.drain", expires=60)  # stays in the broker, since no worker runs
    spread(team_a, actor)  # not filed yet when the erasure begins

    before = traces(names_of(actor))
    expected = {"accounts_auditentry", "ingestion_rejectedevent", "ingestion_inboxrequest", "mail_sentmail"}
    expected |= {"ingestion_discardedevent", "events_session", "mail", "log", "rollups_searches"}
    assert expected <= set(before)
    assert {place.rsplit("_", 1)[0] for place in before} >= {"events_event", "events_error", "events_search"}

    ids = [str(event.pk) for event in Event.objects.filter(actor=actor).order_by("pk")[:3]]
    assert {"events_change", "events_event"} <= {place.split("_2")[0] for place in traces(ids)}
    assert "Erased" in erase(actor, "--yes")
    assert traces([*names_of(actor), *ids]) == {}
    assert Event.objects.get().actor == "ben"
    assert Session.objects.get().actor == "ben"
    assert differences() == []
    note = AuditEntry.objects.get(action="actor.erased")
    assert note.actor_name == "manage.py erase_actor"
    assert note.after["events"] > len(samples.SUNBIRD)
    assert AuditEntry.objects.filter(action="export.made").count() == 9
    assert "Erased by manage.py erase_actor at" in erase(actor, "--dry-run")
    app.control.purge()


def test_sessions_and_devices_of_only_this_actor_are_redacted_in_filters(
    team_a: Sender, lead: Client
) -> None:
    context = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}}
    mine = context | {"sid": "session-of-ann", "did": "device-of-ann"}
    shared = context | {"sid": "session-of-both", "did": "device-of-both"}
    ann = {"id": "ann", "type": "User"}
    team_a.batch(log_event("1", actor=ann, context=mine), log_event("2", actor=ann, context=shared))
    team_a.batch(log_event("3", context=shared))
    file_all()
    for term in ("session-of-ann", "device-of-ann", "session-of-both", "device-of-both", "ann"):
        response: Any = lead.get("/admin/events/event/export.ndjson", {"q": term})
        assert response.content
    erase("ann", "--yes")
    assert traces(["session-of-ann", "device-of-ann"]) == {}
    notes = AuditEntry.objects.filter(action="export.made").order_by("pk")
    assert [note.after["q"] for note in notes] == [
        "(erased)",
        "(erased)",
        "session-of-both",
        "device-of-both",
        "(erased)",
    ]


def test_the_next_erasure_removes_the_session_of_an_interrupted_one(
    team_a: Sender, lead: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}}
    mine = context | {"sid": "session-of-ann", "did": "device-of-ann"}
    team_a.batch(log_event("1", actor={"id": "ann-4711", "type": "User"}, context=mine))
    file_all()
    for term in ("session-of-ann", "device-of-ann"):
        response: Any = lead.get("/admin/events/event/export.ndjson", {"q": term})
        assert response.content

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingestion.erasure.actors.erase_rejected", interrupted)
        with pytest.raises(KeyboardInterrupt):
            erase("ann-4711", "--yes")
    assert not Event.objects.exists()
    assert set(traces(["session-of-ann"])) >= {"accounts_auditentry"}
    erase("ann-4711", "--yes")
    assert traces(["session-of-ann", "device-of-ann", "ann-4711"]) == {}


def test_events_that_arrive_during_the_erasure_are_erased(
    team_a: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = {"id": "ann-4711", "type": "User"}
    team_a.batch(log_event("1", actor=ann))
    late = iter([[log_event("2", actor=ann)], [log_event("3", actor=ann, edata={"type": 1})]])
    erase_rejected = actors.erase_rejected

    def and_more(*arguments: Any) -> tuple[int, int]:
        done: tuple[int, int] = erase_rejected(*arguments)
        if events := next(late, None):
            team_a.batch(*events)
        return done

    monkeypatch.setattr("ingestion.erasure.actors.erase_rejected", and_more)
    assert "Erased 2 events and 1 rejected events." in erase("ann-4711", "--yes")
    assert traces(["ann-4711"]) == {}


def test_a_sender_that_never_stops_is_reported(team_a: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    erase_rejected = actors.erase_rejected

    ann = {"id": "ann-4711", "type": "User"}
    team_a.batch(log_event("1", actor=ann))

    def and_more(*arguments: Any) -> tuple[int, int]:
        team_a.batch(log_event(f"LOG:{uuid4()}", actor=ann))
        done: tuple[int, int] = erase_rejected(*arguments)
        return done

    monkeypatch.setattr("ingestion.erasure.actors.erase_rejected", and_more)
    with pytest.raises(CommandError, match="Stop the sender, and run the command again"):
        erase("ann-4711", "--yes")


def test_data_of_other_owners_and_actors_is_kept(team_a: Sender, make_sender: MakeSender) -> None:
    other = make_sender("Team B")
    for each in (team_a, other):
        each.batch(log_event("1", actor={"id": "ann-4711", "type": "User"}))
        each.batch(log_event("2", actor={"id": "ann-47112", "type": "User"}))
    file_all()
    client = logged_in(person("lea", other.key.default_owner))
    response: Any = client.get("/admin/events/event/export.ndjson", {"q": "ann-4711"})
    assert response.content
    erase("ann-4711", "--yes")
    assert sorted(Event.objects.values_list("actor", "owner__name")) == [
        ("ann-4711", "Team B"),
        ("ann-47112", "Team A"),
        ("ann-47112", "Team B"),
    ]
    assert AuditEntry.objects.get(action="export.made").after == {"q": "ann-4711"}


def test_a_waiting_mail_that_names_the_actor_is_not_sent(team_a: Sender) -> None:
    mailed(team_a, "ann-4711")
    erase("ann-4711", "--yes")
    states = dict(SentMail.objects.values_list("key", "state"))
    assert states == {"budget/1": State.SENT, "budget/2": State.SKIPPED, "budget/3": State.CLAIMED}
    assert delivery.deliver_due() == 1


def test_a_short_id_is_erased_as_a_whole_value_but_not_within_sentences(team_a: Sender, lead: Client) -> None:
    team_a.batch(log_event("1", actor={"id": "7", "type": "User"}))
    file_all()
    for query in ({"q": "7"}, {"q": "user:7"}):
        response: Any = lead.get("/admin/events/event/export.ndjson", query)
        assert response.status_code == 200
    mailed(team_a, "7")
    erase("7", "--yes")
    notes = AuditEntry.objects.filter(action="export.made").order_by("pk")
    assert [note.after["q"] for note in notes] == ["(erased)", "user:(erased)"]
    assert SentMail.objects.exclude(message=b"").count() == 3


def test_the_audit_trail_can_be_changed_only_by_erasures(team_a: Sender) -> None:
    audit.record(audit.Actor("olga"), "export.made", "events", after={"q": "x"})
    refused = [
        f"UPDATE accounts_auditentry SET {name} = 'y'" for name in ("actor_name", "action", "owner_name")
    ]
    for statement in (*refused, "DELETE FROM accounts_auditentry"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"SET LOCAL tally.erasing = 'on'; {statement}")


def test_workbooks_that_name_the_actor_are_deleted(team_a: Sender, lead: Client) -> None:
    """XLSX is compressed, and escapes characters that XML can't contain."""
    person_, now = person("lea", team_a.key.default_owner), timezone.now()
    made, to = [], contact_of(team_a.key.default_owner)
    for number, name in enumerate(("ann & <4711>", "ben")):
        table = workbook([Sheet("Errors", [Heading("code")], [[f"NO {name}"]])])
        attached = Attachment("figures.xlsx", table, xlsx_file.TYPE)
        content = MailContent("Errors", "Most: NO_PAGE", "<p>NO_PAGE</p>", attachments=(attached,))
        delivery.send(content, to=to, kind="budget", key=f"budget/{number}", now=now)
        job = jobs.request_export(person_, "events.event", "xlsx", "", "events.xlsx", now)
        assert job
        job.path.parent.mkdir(parents=True, exist_ok=True)
        job.path.write_bytes(table)
        jobs.ExportJob.objects.filter(pk=job.pk).update(state=jobs.State.DONE)
        made.append(job)
    erase("ann & <4711>", "--yes")
    assert [job.path.exists() for job in made] == [False, True]
    assert [bool(mail.message) for mail in SentMail.objects.order_by("pk")] == [False, True]
    made[1].path.unlink()


@pytest.mark.parametrize("name", ["=ann-4711", 'ann "the" first', "ann;=4711"])
def test_names_are_found_in_their_csv_form(name: str, team_a: Sender) -> None:
    job = jobs.request_export(
        person("lea", team_a.key.default_owner), "events.event", "csv", "", "events.csv", timezone.now()
    )
    assert job
    job.path.parent.mkdir(parents=True, exist_ok=True)
    job.path.write_bytes(content(Sheet("Events", [Heading("actor")], [[name]]), "csv"))
    jobs.ExportJob.objects.filter(pk=job.pk).update(state=jobs.State.DONE)
    erase(name, "--yes")
    assert not job.path.exists()


def test_export_files_that_name_the_actor_are_deleted(team_a: Sender) -> None:
    person_ = person("lea", team_a.key.default_owner)
    now = timezone.now()
    made = []
    for name in ("ann-4711", "ben"):
        job = jobs.request_export(person_, "events.event", "csv", f"q={name}", "events.csv", now)
        assert job
        job.path.parent.mkdir(parents=True, exist_ok=True)
        job.path.write_text(f"actor\n{name}\n")
        jobs.ExportJob.objects.filter(pk=job.pk).update(state=jobs.State.DONE)
        made.append(job)
    erase("ann-4711", "--yes")
    assert [job.path.exists() for job in made] == [False, True]
    assert traces(["ann-4711"]) == {}
    made[1].path.unlink()
