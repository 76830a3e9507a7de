"""Monthly quotas: events beyond them are warned about, marked or refused, until the next month."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.event import Event
from events.ownership.owner import Owner
from events.store.usage import WarningHour
from ingestion.receiving import admission
from ingestion.receiving.inbox import IdempotencyKey, InboxRequest
from tests.sending import AVAILITY, SUNBIRD, Sender, file_all, log_event, message


def quota(sender: Sender, events: int | None, over: str) -> None:
    Owner.objects.filter(pk=sender.key.default_owner_id).update(monthly_quota=events, over_quota=over)
    admission.forget()


def post(sender: Sender, mid: str) -> Any:
    return sender.post(SUNBIRD, {"events": [log_event(mid)]})


def warnings() -> list[tuple[str, str, int]]:
    return list(WarningHour.objects.filter(code="over_quota").values_list("path", "code", "count"))


@pytest.mark.parametrize(("over", "mark"), [("warn", None), ("mark", True)])
@pytest.mark.parametrize("drained_between", [True, False])
def test_events_beyond_the_quota_are_kept_and_counted(
    sender: Sender, over: str, mark: bool | None, drained_between: bool
) -> None:
    quota(sender, 1, over)
    assert post(sender, "first").status_code == 200
    if drained_between:
        file_all()
    admission.forget()  # as another process would see it
    assert post(sender, "second").status_code == 200
    file_all()
    marks = dict(Event.objects.values_list("client_event_id", "over_quota"))
    assert marks == {"first": None, "second": mark}
    assert warnings() == [("", "over_quota", 1)]


def test_a_quota_can_refuse_events_until_the_month_ends(sender: Sender) -> None:
    quota(sender, 1, "refuse")
    assert post(sender, "first").status_code == 200
    response = post(sender, "second")
    assert (response.status_code, response.json()["params"]["err"]) == (429, "quota_exceeded")
    left = admission.month_after(admission.month_of(timezone.now())) - timezone.now()
    assert abs(int(response["Retry-After"]) - left.total_seconds()) < 60
    assert file_all().stored == 1


def test_a_request_refused_by_a_quota_stores_no_idempotency_key(sender: Sender) -> None:
    quota(sender, 0, "refuse")
    response = sender.post(AVAILITY, message(), **{"Idempotency-Key": "one"})
    assert (response.status_code, response.json()["error"]["code"]) == (429, "quota_exceeded")
    assert not IdempotencyKey.objects.exists()
    assert not InboxRequest.objects.exists()


def test_without_a_quota_nothing_is_counted(sender: Sender) -> None:
    quota(sender, None, "refuse")
    assert post(sender, "first").status_code == 200
    file_all()
    assert warnings() == []


def test_duplicates_and_rejected_events_do_not_count_towards_the_quota(sender: Sender) -> None:
    quota(sender, 2, "refuse")
    sender.batch(log_event("first"), log_event("first"), {"eid": "NONE"})
    file_all()
    admission.forget()
    assert post(sender, "second").status_code == 200


def test_a_new_month_has_a_new_quota(sender: Sender) -> None:
    quota(sender, 1, "mark")
    owner = sender.key.default_owner_id
    begin = datetime(2026, 12, 1, tzinfo=UTC)
    before = begin - timedelta(seconds=1)
    assert admission.spend_quota(owner, 1, before) is None
    assert admission.spend_quota(owner, 1, before) == "mark"
    assert admission.spend_quota(owner, 1, begin) is None
    assert admission.spend_quota(owner, 1, begin) == "mark"
    assert admission.month_after(begin) == datetime(2027, 1, 1, tzinfo=UTC)
