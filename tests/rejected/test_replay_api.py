"""Replays by the API, with secret keys for their owners: one event at once, many in the background."""

from typing import Any

import pytest
from django.test import Client

from events.accounts.audit import AuditEntry
from events.event import Event
from events.ownership.api_key import KeyType
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from ingestion.tasks import replay
from tests.rejected.conftest import is_balanced, pageless, refused, set_validation, strict_fault
from tests.sending import MakeSender, Sender

REJECTED = "/api/v1/rejected/"


@pytest.fixture
def secret(make_sender: MakeSender) -> Sender:
    """A sender of team A with a secret key."""
    return make_sender("Team A", kind=KeyType.SECRET)


@pytest.fixture
def mended(secret: Sender) -> Sender:
    """The same sender, with a rejected event that is accepted now and one that isn't."""
    set_validation(secret, "strict")
    refused(secret, strict_fault(), pageless())
    set_validation(secret, "lenient")
    return secret


def ask(key: str, path: str, body: Any = None) -> Any:
    return Client().post(
        REJECTED + path,
        body or {},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


def by_code(code: str) -> RejectedEvent:
    return RejectedEvent.objects.get(code=code)


def test_one_event_is_replayed_at_once(mended: Sender) -> None:
    answer = ask(mended.text, f"{by_code('wrong_type').pk}/replay/")
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "stored"
    assert Event.objects.count() == 1
    answer = ask(mended.text, f"{by_code('missing').pk}/replay/")
    assert (answer.json()["outcome"], answer.json()["path"]) == ("rejected", "edata.pageid")
    assert AuditEntry.objects.filter(action="rejected.replayed", actor_name=str(mended.key)).count() == 2
    assert is_balanced()


def test_many_events_are_replayed_in_the_background(mended: Sender) -> None:
    answer = ask(mended.text, "replay/", {"owner": "team a", "kind": "log", "code": "wrong_type"})
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["total"]) == ("waiting", 1)
    replay()
    headers = {"Authorization": f"Bearer {mended.text}"}
    job = Client().get(answer["Location"], headers=headers).json()
    assert (job["state"], job["stored"], job["rejected"]) == ("done", 1, 0)
    assert RejectedEvent.objects.count() == 1
    assert is_balanced()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"all": False},
        {"ower": "Team A"},
        {"ids": ["x"]},
        {"ids": list(range(1, 1_002))},
        {"kind": "nope"},
        {"received_after": "yesterday"},
        [],
        "text",
    ],
)
def test_an_invalid_request_replays_nothing(mended: Sender, body: Any) -> None:
    answer = ask(mended.text, "replay/", body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert not ReplayJob.objects.exists()


@pytest.mark.parametrize(
    "body", [{"all": True}, {"owner": "Team A"}, {"source": "portal"}, {"ids": [1, 2, 3]}]
)
def test_a_key_cannot_replay_events_of_other_owners(
    mended: Sender, make_sender: MakeSender, body: dict[str, Any]
) -> None:
    stranger = make_sender("Team B", kind=KeyType.SECRET)
    if "ids" in body:
        body = {"ids": list(RejectedEvent.objects.values_list("pk", flat=True))}
    answer = ask(stranger.text, "replay/", body)
    assert (answer.status_code, answer.json()["total"]) == (202, 0)
    replay()
    assert RejectedEvent.objects.count() == 2
    assert ask(stranger.text, f"{by_code('missing').pk}/replay/").status_code == 404


def test_a_job_is_visible_only_to_the_key_that_requested_it(mended: Sender, make_sender: MakeSender) -> None:
    path = ask(mended.text, "replay/", {"all": True})["Location"]
    other = make_sender("Team A", kind=KeyType.SECRET)
    assert Client().get(path, headers={"Authorization": f"Bearer {other.text}"}).status_code == 404
    assert Client().get(path).status_code == 401


def test_publishable_keys_and_people_cannot_replay_by_api(
    mended: Sender, make_sender: MakeSender, lead: Client
) -> None:
    publishable = make_sender("Team A")
    row = by_code("missing")
    assert ask(publishable.text, f"{row.pk}/replay/").status_code == 403
    assert ask(publishable.text, "replay/", {"all": True}).status_code == 403
    assert ask("", "replay/", {"all": True}).status_code == 401
    assert lead.post(f"{REJECTED}replay/", {"all": True}, content_type="application/json").status_code == 403
    assert not ReplayJob.objects.exists()
