"""Sunbird's own SDK under Node: its events are stored, and Tally's responses drain its queue."""

from typing import Any

from events.kinds import KINDS
from events.ownership import provisioning
from events.ownership.owner import Validation
from events.store.details import detail_of
from tests.clients.filed import Filed
from tests.clients.npm import Clients
from tests.clients.recorder import Recorder

DRAINED = {"waiting": 0, "failed": 0, "attempts": 0}
KIND_NAMES = {entry.name for entry in KINDS.values() if entry.schema.dialect == "sunbird"}
WRONG_KEY = "tally_pk_abcdefghjkmn_0123456789"


def by_mid(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort events, since batches are sent concurrently."""
    return sorted(events, key=lambda event: str(event["mid"]))


def test_events_of_all_seventeen_methods_are_returned_as_sent(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    clients.run("sunbird.mjs", "everything", environment=environment)
    sent = [event for post in recorder.posts for event in post.json["events"]]
    filed = Filed()

    assert len(KIND_NAMES) == 17
    assert {event["eid"].lower() for event in sent} == KIND_NAMES
    assert filed.rejected == []
    assert by_mid(filed.wire) == by_mid(sent)
    assert {event.kind for event in filed.events if detail_of(event) is not None} == KIND_NAMES


def test_the_sdks_queue_drains_at_the_first_attempt(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    queue = clients.run("sunbird.mjs", "everything", environment=environment)

    assert queue == DRAINED
    assert sorted(len(post.json["events"]) for post in recorder.posts) == [2, 5, 5, 5]
    for post in recorder.posts:
        assert post.status == 200
        assert post.said["params"] == {
            "msgid": post.json["params"]["msgid"],
            "status": "successful",
            "err": "",
            "errmsg": "",
        }
        assert post.said["responseCode"] == "SUCCESS"
        assert post.said["result"] == {
            "accepted": len(post.json["events"]),
            "rejected": 0,
            "rejected_indexes": [],
            "errors": [],
        }


def test_only_a_start_without_a_stage_causes_a_warning(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    clients.run("sunbird.mjs", "everything", environment=environment)

    assert Filed().warnings == {("start", "edata.stageid", "missing")}


def test_columns_have_the_values_given_to_the_sdk(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    clients.run("sunbird.mjs", "everything", environment=environment)
    events = {event.kind: event for event in Filed().events}
    start, assess, summary = events["start"], events["assess"], events["summary"]

    assert (start.source.name, start.component, start.version) == ("sunbird.portal", "sunbird.player", "3.1")
    assert (start.object_id, start.object_version) == ("do_3122", "1.0")
    assert (start.session, start.tags, start.rollup_l2) == ("do5R9s4k", ["lesson"], "school")
    assert (start.owner.name, start.environment) == ("Claims", "contentplayer")
    assert vars(detail_of(assess))["score"] == 0.75
    # These arrive as on the published page: wrapped in another edata, with the number as text.
    assert vars(detail_of(summary))["timespent"] == 60


def test_a_batch_refused_for_its_key_is_kept_until_the_key_is_fixed(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    queue = clients.run("sunbird.mjs", "mended", environment={**environment, "WRONG_KEY": WRONG_KEY})
    refused, accepted = recorder.posts
    filed = Filed()

    assert (refused.status, accepted.status) == (401, 200)
    assert refused.said["params"]["err"] == "bad_key"
    assert accepted.body == refused.body
    assert queue == DRAINED
    assert filed.wire == refused.json["events"]


def test_a_batch_sent_twice_is_stored_once(
    clients: Clients, recorder: Recorder, environment: dict[str, str], key: str
) -> None:
    clients.run("sunbird.mjs", "everything", environment=environment)
    for post in list(recorder.posts):
        recorder.forward(post.method, post.path, post.headers, post.body)
    filed = Filed()

    assert (filed.drained.stored, filed.drained.duplicates) == (17, 17)
    assert len(filed.events) == 17


def test_an_event_that_cannot_be_stored_does_not_block_the_queue(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    queue = clients.run("sunbird.mjs", "faulty", environment=environment)
    first, _ = sorted(recorder.posts, key=lambda post: -len(post.json["events"]))
    filed = Filed()

    assert queue == DRAINED
    assert [post.status for post in recorder.posts] == [200, 200]
    assert first.said["result"]["rejected_indexes"] == [1]
    assert first.said["result"]["errors"][0]["mid"] == first.json["events"][1]["mid"]
    assert {event.kind for event in filed.events} == {"log", "search", "interrupt"}
    assert [rejected.client_event_id for rejected in filed.rejected] == [first.json["events"][1]["mid"]]


def test_an_application_without_a_key_gets_an_explanation(
    clients: Clients, recorder: Recorder, environment: dict[str, str]
) -> None:
    queue = clients.run("sunbird.mjs", "keyless", environment=environment)
    (refused,) = recorder.posts

    assert queue == {"waiting": 0, "failed": 1, "attempts": 1}
    assert "authorization" not in refused.headers
    assert (refused.status, refused.said["params"]["err"]) == (401, "no_key")
    assert Filed().events == []


def test_strict_validation_agrees_with_the_sdk_except_for_one_field(
    clients: Clients, recorder: Recorder
) -> None:
    strict = provisioning.key(organization_slug="acme", owner_name="Held", validation=Validation.STRICT)
    environment = {"TALLY_URL": recorder.url, "TALLY_KEY": strict.text}
    queue = clients.run("sunbird.mjs", "validated", environment=environment)
    sent = [event for post in recorder.posts for event in post.json["events"]]
    filed = Filed()

    assert queue == DRAINED
    assert {event["eid"].lower() for event in sent} == KIND_NAMES
    # The SDK's schema requires text here, the pipeline's a number, which strict validation follows.
    assert [(rejected.kind, rejected.path) for rejected in filed.rejected] == [("summary", "edata.timespent")]
