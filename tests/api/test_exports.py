"""Exports by API: requested by a key or a person, written by a worker, downloaded from a signed URL."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.event import Event
from events.exports import jobs, making
from events.exports.formats import EXPORT_FORMATS
from events.exports.jobs import ExportJob, State
from events.ownership.api_key import KeyType
from events.ownership.owner import Membership
from events.sessions import summarising
from telemetry_project.stack import paths
from tests.api.exporting import EXPORTS, asked, by, made, post, read, state_of
from tests.factories import person
from tests.sending import MakeSender, Sender, file_all, log_event, now_ms
from tests.spreadsheets.reading import table_of, xlsx_rows
from tests.wire import samples

pytestmark = pytest.mark.django_db
EVENTS = "/api/v1/events/"
BAD = {"eid": "NOPE", "mid": "bad 1"}


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.EXPORT_FOLDER = tmp_path / "exports"


@pytest.fixture
def reader(make_sender: MakeSender) -> Sender:
    return make_sender("Team A", kind=KeyType.SECRET)


@pytest.fixture
def other(make_sender: MakeSender) -> Sender:
    return make_sender("Team B", kind=KeyType.SECRET)


def lines(content: bytes) -> Iterator[Any]:
    return map(json.loads, content.splitlines())


def filed(sender: Sender, *events: Any) -> None:
    sender.batch(*events)
    file_all()


def test_a_key_follows_an_export_from_request_to_download(reader: Sender, client: Client) -> None:
    filed(reader, *(log_event(f"m{number}", ets=now_ms() - number) for number in range(7)))
    job = asked(client, reader, kind="log", session="s1")
    assert (job["state"], job["rows"], job["download_url"]) == ("waiting", 0, None)
    assert job["filters"] == {"kind": "log", "session": "s1"}

    assert making.make_next()

    done = state_of(client, reader, job)
    assert (done["state"], done["rows"]) == ("done", 7)
    response: Any = Client().get(done["download_url"])
    content = read(response)
    assert len(content) == done["bytes"]
    assert response["Content-Disposition"].endswith('.ndjson"')
    assert [line["wire"]["mid"] for line in lines(content)] == [f"m{number}" for number in range(7)]
    assert [each["id"] for each in client.get(EXPORTS, headers=by(reader)).json()["results"]] == [job["id"]]
    note = AuditEntry.objects.get(action="export.made")
    assert (note.owner, note.after) == (reader.key.default_owner, {"kind": "log", "session": "s1"})


def test_lines_of_a_list_equal_those_of_an_export(reader: Sender, client: Client) -> None:
    sent = {
        kind: samples.complete(kind, ms=now_ms(), mid=kind) for kind in ("log", "interact", "error", "audit")
    }
    filed(reader, *sent.values())
    response = client.get(EVENTS, {"format": "ndjson"}, headers=by(reader))
    assert response["Content-Type"] == "application/x-ndjson"
    assert "Link" not in response
    assert response.content == made(client, reader)
    for line in lines(response.content):
        event = Event.objects.get(pk=line["id"])
        assert line["wire"] == sent[event.kind]
        assert (line["owner"], line["dialect"]) == ("Team A", "sunbird")


def test_lines_link_to_the_next_page(reader: Sender, client: Client) -> None:
    filed(reader, *(log_event(f"m{number}", ets=now_ms() - number) for number in range(7)))
    found, url = [], f"{EVENTS}?format=ndjson&page_size=3"
    while url:
        response = client.get(url, headers=by(reader))
        found += [line["wire"]["mid"] for line in lines(response.content)]
        url = response.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert found == [f"m{number}" for number in range(7)]


@pytest.mark.parametrize(
    "parameters",
    [{"format": "xml"}, {"format": "ndjson", "fields": "id"}, {"format": "ndjson", "cursor": "x"}],
)
def test_lines_refuse_invalid_parameters(reader: Sender, client: Client, parameters: Any) -> None:
    assert client.get(EVENTS, parameters, headers=by(reader)).status_code == 400


def test_every_list_can_be_exported_in_every_format(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"), log_event("m2", eid="START", edata={"type": "app"}), BAD)
    summarising.summarise_pending(seconds=60.0)
    expected = {"events": 2, "rejected": 1, "sessions": 1, "usage": 3}
    lists = {"events": EVENTS, **{what: f"/api/v1/{what}/" for what in expected if what != "events"}}
    for what, count in expected.items():
        listed = client.get(lists[what], headers=by(reader)).json()["results"]
        for form in EXPORT_FORMATS:
            content = made(client, reader, what, form)
            if form == "xlsx":
                assert len(xlsx_rows(content)) == count + 1, what
            elif form == "csv":
                assert len(table_of(content)) == count, what
            elif form == "parquet":
                assert polars.read_parquet(content).height == count, what
            elif what != "events":
                assert list(lines(content)) == listed
        ExportJob.objects.all().delete()


def test_an_export_of_one_kind_has_its_columns(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"), log_event("m2", eid="START", edata={"type": "app"}))
    (row,) = table_of(made(client, reader, form="csv", kind="log", **{"edata.level": "INFO"}))
    assert (row["client_event_id"], row["log.level"]) == ("m1", "INFO")


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"what": "secrets", "format": "csv"}, "what"),
        ({"what": "events", "format": "doc"}, "format"),
        ({"what": "events"}, "format"),
        ({"what": "events", "format": "csv", "filter": {}}, "filter"),
        ({"what": "events", "format": "csv", "filters": {"nonsense": "1"}}, "filters.nonsense"),
        (
            {"what": "events", "format": "csv", "filters": {"occurred_after": "soon"}},
            "filters.occurred_after",
        ),
        ({"what": "usage", "format": "csv", "filters": {"since": "soon"}}, "filters.since"),
        ({"what": "usage", "format": "csv", "filters": {"object_id": "1"}}, "filters.object_id"),
        (
            {"what": "usage", "format": "csv", "filters": {"group": "hour", "since": "2020-01-01T00:00:00Z"}},
            "filters.since",
        ),
        ({"what": "rejected", "format": "csv", "filters": {"edata.level": "1"}}, "filters.edata.level"),
        ({"what": "report", "format": "csv"}, "filters.page"),
        ({"what": "report", "format": "csv", "filters": {"page": "overview"}}, "filters.section"),
        (
            {
                "what": "report",
                "format": "csv",
                "filters": {"page": "overview", "section": "kinds", "object_id": "1"},
            },
            "filters.object_id",
        ),
        ({"what": "charges", "format": "csv", "filters": {"meter": "x"}}, "filters.meter"),
        ({"what": "events", "format": "csv", "filters": []}, "filters"),
        ({"what": "events", "format": "csv", "filters": {"kind": ["log"]}}, "filters"),
        ({"what": "events", "format": "csv", "filters": {"kind": None}}, "filters"),
        ({"what": "events", "format": "csv", "filters": {"actor": "\ud800"}}, "filters"),
        ({"what": "events", "format": "csv", "filters": {"actor": "a\x00"}}, "filters"),
        ({"what": "events", "format": "csv", "filters": {"actor": "a" * 20_000}}, "filters"),
    ],
)
def test_an_invalid_request_names_the_field(reader: Sender, client: Client, body: Any, member: str) -> None:
    response = post(client, reader, **body)
    assert response.status_code == 400, response.content
    assert list(response.json()["errors"]) == [member]
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "1", '"x"', "{", "null"])
def test_a_body_that_is_not_an_object_is_refused(reader: Sender, client: Client, body: str) -> None:
    response = client.post(EXPORTS, body, "application/json", headers=by(reader))
    assert response.status_code == 400, response.content


def test_a_reader_can_have_three_unfinished_exports(reader: Sender, other: Sender, client: Client) -> None:
    for _ in range(3):
        asked(client, reader)
    response = post(client, reader, what="events", format="csv")
    assert (response.status_code, response.json()["code"]) == (429, "too_many_exports")
    asked(client, other)


def test_only_the_requester_sees_and_cancels_an_export(reader: Sender, other: Sender, client: Client) -> None:
    job = asked(client, reader)
    path = f"{EXPORTS}{job['id']}/"
    assert client.get(path, headers=by(other)).status_code == 404
    assert client.delete(path, headers=by(other)).status_code == 404
    assert client.get(EXPORTS, headers=by(other)).json()["results"] == []
    assert client.get(EXPORTS).status_code == 401
    assert client.get(f"{EXPORTS}{2**70}/", headers=by(reader)).status_code in (400, 404)
    assert state_of(client, reader, job)["state"] == "waiting"


def test_an_export_has_only_data_the_requester_may_see(reader: Sender, other: Sender, client: Client) -> None:
    filed(reader, log_event("mine"), BAD)
    filed(other, log_event("theirs"), BAD)
    assert [line["wire"]["mid"] for line in lines(made(client, reader))] == ["mine"]
    assert made(client, reader, owner="Team B") == b""
    assert made(client, reader, what="usage", owner="Team B") == b""
    assert {line["owner"] for line in lines(made(client, reader, what="rejected"))} == {"Team A"}


def test_cancelling_stops_an_export_or_deletes_its_file(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"))
    waiting = asked(client, reader)
    assert client.delete(f"{EXPORTS}{waiting['id']}/", headers=by(reader)).status_code == 204
    assert not making.make_next()
    assert state_of(client, reader, waiting)["state"] == "cancelled"

    ready = asked(client, reader)
    making.make_next()
    url = state_of(client, reader, ready)["download_url"]
    assert client.delete(f"{EXPORTS}{ready['id']}/", headers=by(reader)).status_code == 204
    assert client.get(url).status_code == 404
    assert not ExportJob.objects.get(pk=ready["id"]).path.exists()


def test_an_export_of_a_killed_worker_is_written_by_another(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"))
    job = asked(client, reader)
    row = ExportJob.objects.filter(pk=job["id"])
    # As left by a killed worker: running, with half a file, and no progress since.
    row.update(state=State.RUNNING, attempts=1, rows=9, updated_at=timezone.now() - timedelta(minutes=3))
    row.get().path.parent.mkdir(parents=True)
    row.get().path.write_bytes(b'{"half": ')
    assert making.make_next()
    done = state_of(client, reader, job)
    assert (done["state"], done["rows"]) == ("done", 1)
    assert len(list(lines(read(client.get(done["download_url"]))))) == 1


def test_a_link_is_invalid_without_the_key_after_expiry_or_if_changed(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"))
    job = asked(client, reader)
    making.make_next()
    url = state_of(client, reader, job)["download_url"]
    assert client.get(f"{url[:-2]}x/").status_code == 404
    rows = ExportJob.objects.filter(pk=job["id"])
    rows.update(expires_at=timezone.now())
    assert client.get(url).status_code == 404
    rows.update(expires_at=timezone.now() + timedelta(hours=1))
    assert read(client.get(url))
    reader.key.revoked_at = timezone.now()
    reader.key.save()
    assert client.get(url).status_code == 404
    assert rows.get().state == State.CANCELLED


def test_an_export_in_a_persons_session_is_shown_in_the_admin(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"))
    alice = person("alice", reader.key.default_owner)
    client.force_login(alice)
    response = client.post(
        EXPORTS, json.dumps({"what": "events", "format": "csv"}), content_type="application/json"
    )
    assert response.status_code == 202, response.content
    making.make_next()
    job = ExportJob.objects.get()
    assert (job.user, job.state) == (alice, State.DONE)
    assert client.get(f"/admin/events/exportjob/{job.pk}/change/").status_code == 200
    Membership.objects.all().delete()
    assert client.get(f"{EXPORTS}download/{job.token()}/").status_code == 404


def test_a_person_without_memberships_cannot_export(client: Client) -> None:
    client.force_login(User.objects.create_user("charlie"))
    response = client.post(
        EXPORTS, json.dumps({"what": "events", "format": "csv"}), content_type="application/json"
    )
    assert response.status_code == 403


def test_an_export_of_the_admin_is_not_served_by_the_api(reader: Sender, client: Client) -> None:
    filed(reader, log_event("m1"))
    alice = person("alice", reader.key.default_owner)
    job = jobs.request_export(alice, "events.event", "csv", "", "events.csv", timezone.now())
    assert job is not None
    making.make_next()
    client.force_login(alice)
    assert client.get(f"{EXPORTS}download/{job.token()}/").status_code == 404
    assert client.get(EXPORTS).json()["results"] == []


REGISTERED = """
from telemetry_project.celery import app
app.loader.import_default_modules()
from events.exports.exported import EXPORTABLE
from events.feed.followed import FOLLOWED
print(*sorted(EXPORTABLE), "|", *sorted(FOLLOWED))
"""


def test_a_worker_knows_all_contents_of_exports_and_the_feed() -> None:
    """It doesn't import URLs, which registers them in web processes."""
    printed = subprocess.run(
        [sys.executable, "-c", REGISTERED], cwd=paths.REPOSITORY, check=True, capture_output=True, text=True
    )
    exportable, followed = printed.stdout.split("|")
    assert exportable.split() == ["charges", "events", "rejected", "report", "sessions", "usage"]
    assert followed.split() == ["events", "months", "rejected", "sessions"]
