"""Ceilings limit an owner's waiting and rejected bytes without affecting other owners."""

from typing import Any

import pytest
from django.db import connection

from events.ownership.owner import Owner
from ingestion.receiving import admission
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected.event import RejectedEvent, RejectedSize
from tests.sending import SUNBIRD, MakeSender, Sender, file_all, log_event


def post(sender: Sender, *events: Any) -> Any:
    return sender.post(SUNBIRD, {"id": "api", "ver": "3.0", "events": list(events)})


def bad(name: str) -> dict[str, Any]:
    return log_event(name, actor=7)


def allow(sender: Sender, **most: int | None) -> None:
    Owner.objects.filter(pk=sender.key.default_owner_id).update(**most)
    admission.forget()


def test_an_owner_with_too_many_waiting_bytes_gets_429(sender: Sender, make_sender: MakeSender) -> None:
    allow(sender, max_waiting_bytes=4_000)
    answers = [post(sender, log_event(str(number))) for number in range(6)]
    codes = [answer.status_code for answer in answers]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert codes == sorted(codes)
    assert 0 < len(refused) < len(answers)
    assert {answer.json()["params"]["err"] for answer in refused} == {"inbox_full"}
    assert {answer["Retry-After"] for answer in refused} == {"10"}
    assert InboxRequest.objects.count() == len(answers) - len(refused)
    assert post(make_sender(owner="Other"), log_event("other")).status_code == 200
    file_all()
    admission.forget()  # as if TTL_SECONDS had passed
    assert post(sender, log_event("later")).status_code == 200


def test_waiting_bytes_in_memory_equal_those_in_the_database(sender: Sender) -> None:
    for number in range(3):
        post(sender, log_event(str(number)))
    owner = sender.key.default_owner_id
    counted = admission._space(owner).waiting
    admission.forget()
    assert counted == admission._space(owner).waiting > 3 * admission.OVERHEAD


def test_a_request_runs_no_statement_while_the_count_is_fresh(
    sender: Sender, django_assert_num_queries: Any
) -> None:
    post(sender, log_event("1"))
    with django_assert_num_queries(0):  # the INSERT bypasses Django's cursors
        post(sender, log_event("2"))


def test_at_the_ceiling_of_rejected_bytes_only_valid_requests_are_accepted(sender: Sender) -> None:
    allow(sender, max_rejected_bytes=3_000)
    assert post(sender, bad("1"), bad("2")).status_code == 200
    file_all()
    admission.forget()
    refused = post(sender, log_event("good"), bad("3"))
    assert (refused.status_code, refused.json()["params"]["err"]) == (429, "rejected_full")
    assert refused["Retry-After"] == "3600"
    assert post(sender, log_event("fine")).status_code == 200
    RejectedEvent.objects.all().delete()
    admission.forget()
    assert post(sender, bad("3")).status_code == 200


def test_waiting_rejected_bytes_count_at_once(sender: Sender) -> None:
    allow(sender, max_rejected_bytes=3_000)
    codes = [post(sender, bad(str(number))).status_code for number in range(6)]
    assert codes == sorted(codes)
    assert codes[0] == 200
    assert codes[-1] == 429


def sizes() -> dict[int, int]:
    return dict(RejectedSize.objects.filter(bytes__gt=0).values_list("owner", "bytes"))


def test_sizes_of_rejected_events_follow_every_change(sender: Sender, make_sender: MakeSender) -> None:
    other = make_sender(owner="Other")
    post(sender, bad("1"), bad("2"))
    post(other, bad("3"))
    file_all()
    post(sender, bad("1"), bad("2"))  # the same bytes again: nothing more is kept
    file_all()

    def expected() -> dict[int, int]:
        found: dict[int, int] = {}
        for event in RejectedEvent.objects.all():
            found[event.owner_id] = found.get(event.owner_id, 0) + len(event.body) + admission.OVERHEAD
        return found

    assert len(expected()) == 2
    assert sizes() == expected()
    RejectedEvent.objects.filter(owner=other.key.default_owner).update(body=b"redacted")
    assert sizes() == expected()
    RejectedEvent.objects.filter(owner=sender.key.default_owner).order_by("pk")[:1].get().delete()
    assert sizes() == expected()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE ingestion_rejectedevent")
    assert sizes() == {}


@pytest.mark.parametrize("setting", ["OWNER_MAX_WAITING_BYTES", "OWNER_MAX_REJECTED_BYTES"])
def test_an_owner_without_its_own_ceiling_has_the_default(
    sender: Sender, settings: Any, setting: str
) -> None:
    setattr(settings, setting, 10)
    assert post(sender, bad("1")).status_code == 429
