"""Delivery of webhooks: in order, at least once, signed, retried, and only what their owner may see."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.api import sessions  # noqa: F401  (registers sessions, as the worker's tasks do)
from events.checks import check_webhooks
from events.ownership.erased import Erased
from events.ownership.owner import Owner, Role
from events.webhooks import delivery, messages, posting, queries
from events.webhooks.threads import Threads
from events.webhooks.webhook import (
    GRACE,
    Webhook,
    WebhookAttempt,
    erase_from_webhooks,
    remove_old_attempts,
)
from ingestion.rejected import api  # noqa: F401  (registers rejected events, as the worker's tasks do)
from reports.mail.models import SentMail
from tests.factories import person
from tests.faults.stack import eventually
from tests.mail.conftest import with_address
from tests.sending import MakeSender, Sender, file_all, log_event
from tests.serving import database_url
from tests.summarising import summarise_sessions
from tests.webhooks.receiver import CERTIFICATE, Receiver, receiving

SECONDS = 60.0
BAD = {"eid": "NOPE", "mid": "bad 1"}


@pytest.fixture(autouse=True)
def _local(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def subscribe(owner: Owner, url: str, **options: Any) -> Webhook:
    webhook = Webhook(owner=owner, name="test", url=url, **options)
    webhook.begin()
    webhook.save()
    return webhook


def deliver() -> None:
    """Deliver like the worker's threads, but one webhook after the other and in this transaction."""
    for each in delivery.due(timezone.now()):
        delivery.deliver(each.pk)


def retry_now(webhook: Webhook) -> Webhook:
    """Retry as if the back-off delay had passed."""
    Webhook.objects.filter(pk=webhook.pk).update(next_at=timezone.now(), claimed_until=None)
    deliver()
    webhook.refresh_from_db()
    return webhook


def post(sender: Sender, *mids: str, **changes: Any) -> None:
    """Post and file each event in its own transaction, so that their order is known."""
    for mid in mids:
        sender.batch(log_event(mid, **changes))
        file_all()


def test_events_are_posted_in_order_and_signed(sender: Sender, receiver: Receiver) -> None:
    post(sender, "before")
    webhook = subscribe(sender.key.default_owner, receiver.url)
    deliver()
    assert receiver.received == [], "what was filed before isn't sent"
    post(sender, "a", "b", "c")
    deliver()
    assert receiver.mids == ["a", "b", "c"]
    (request,) = receiver.received
    assert request.path == "/hook?a=1"
    assert request.headers["host"] == f"localhost:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    expected, sent = request.signatures(webhook.secret)
    assert sent == [expected]
    body = json.loads(request.body)
    assert (body["type"], body["webhook"], body["owner"]) == ("events", "test", "YourTeam")
    post(sender, "d")
    deliver()
    deliver()
    assert receiver.mids == ["a", "b", "c", "d"]
    assert len({each.message for each in receiver.received}) == 2
    assert list(WebhookAttempt.objects.order_by("pk").values_list("status", "rows", "error")) == [
        (200, 3, ""),
        (200, 1, ""),
    ]


def test_webhooks_with_nothing_to_send_take_no_extra_queries(
    sender: Sender, make_sender: MakeSender, receiver: Receiver
) -> None:
    counts = []
    for number in range(2):
        other = make_sender(f"Team {number}").key.default_owner
        for name in ("events", "rejected", "sessions"):
            webhook = subscribe(other, receiver.url, what=name)
            Webhook.objects.filter(pk=webhook.pk).update(name=name)
        post(sender, f"of another owner {number}")
        with CaptureQueriesContext(connection) as captured:
            deliver()
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert receiver.received == []


def test_the_tls_certificate_must_be_valid_for_the_host_name(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tls=True) as receiver:
        webhook = subscribe(sender.key.default_owner, receiver.url)
        post(sender, "a")
        deliver()
        assert receiver.received == []
        assert "certificate" in WebhookAttempt.objects.get().error
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        retry_now(webhook)
        assert receiver.mids == ["a"]
        looked_up = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda _, *given, **named: looked_up("localhost", *given, **named)
        )
        Webhook.objects.update(url=f"https://other.example:{receiver.port}/")
        post(sender, "b")
        retry_now(webhook)
        assert receiver.mids == ["a"]
        assert "certificate" in WebhookAttempt.objects.latest("pk").error


def test_a_failed_message_is_retried_with_its_id_before_newer_ones(
    sender: Sender, receiver: Receiver
) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    receiver.replies = [(500, {}), (503, {})]
    post(sender, "a", "b")
    deliver()
    webhook.refresh_from_db()
    assert webhook.failures == 1
    assert timezone.now() < webhook.next_at <= timezone.now() + delivery.FIRST_DELAY
    deliver()
    assert len(receiver.received) == 1, "not before the delay"
    post(sender, "c")
    assert retry_now(webhook).failures == 2
    webhook = retry_now(webhook)
    assert [each.mids for each in receiver.received] == [["a", "b"], ["a", "b"], ["a", "b"], ["c"]]
    first, second, third, other = (each.message for each in receiver.received)
    assert first == second == third != other
    assert (webhook.failures, webhook.failing_since, webhook.message) == (0, None, "")


def test_a_webhook_is_paused_after_a_day_of_failures_and_can_be_resumed(
    sender: Sender, receiver: Receiver
) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    receiver.replies = [(500, {}), (500, {})]
    post(sender, "a")
    deliver()
    Webhook.objects.update(failing_since=timezone.now() - delivery.GIVE_UP)
    webhook = retry_now(webhook)
    assert webhook.paused_at is not None
    assert webhook.reason == "All attempts failed for a day. The last error: Status 500."
    entry = AuditEntry.objects.get(action="webhook.paused")
    assert (entry.owner, entry.about) == (webhook.owner, "test")
    assert len(retry_now(webhook).attempts.all()) == 2, "paused"
    webhook.resume(timezone.now())
    webhook.save()
    deliver()
    assert receiver.received[-1].mids == ["a"]
    assert len({each.message for each in receiver.received}) == 1


def test_a_410_pauses_at_once_and_leads_get_a_mail(sender: Sender, receiver: Receiver) -> None:
    owner = sender.key.default_owner
    with_address(person("lena", owner, role=Role.LEAD))
    with_address(person("vera", owner))
    webhook = subscribe(sender.key.default_owner, receiver.url)
    receiver.replies = [(410, {})]
    post(sender, "a")
    deliver()
    webhook.refresh_from_db()
    assert webhook.paused_at is not None
    assert "410" in webhook.reason
    mail = SentMail.objects.get()
    assert (mail.to, mail.kind) == ("lena@example.org", "webhook")
    text = bytes(mail.message).decode()
    assert "410 Gone" in text
    assert f"/admin/events/webhook/{webhook.pk}/change/" in text


def test_delays_between_attempts_grow_up_to_an_hour(sender: Sender, receiver: Receiver) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    receiver.replies = [(500, {})] * 2
    post(sender, "a")
    for failures, least, most in ((4, 40, 80), (100, 1_800, 3_600)):
        Webhook.objects.update(failures=failures)
        before = timezone.now()
        delay = (retry_now(webhook).next_at - before).total_seconds()
        assert least <= delay
        assert delay <= most + (timezone.now() - before).total_seconds()


def test_redirects_are_not_followed(sender: Sender, receiver: Receiver) -> None:
    subscribe(sender.key.default_owner, receiver.url)
    with receiving() as other:
        receiver.replies = [(307, {"Location": other.url})]
        post(sender, "a")
        deliver()
        assert other.received == []
    assert WebhookAttempt.objects.get().error.startswith("Status 307: redirects aren't followed")


def test_a_receiver_that_hangs_fails_the_attempt(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT", 0.3)
    webhook = subscribe(sender.key.default_owner, receiver.url)
    receiver.hangs = threading.Event()
    post(sender, "a")
    deliver()
    assert WebhookAttempt.objects.get().error == "No complete response within 0.3 s."
    receiver.hangs.set()
    receiver.hangs = None
    monkeypatch.setattr(delivery, "TIMEOUT", SECONDS)
    retry_now(webhook)
    assert receiver.received[-1].mids == ["a"]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_hangs_does_not_delay_others(make_sender: MakeSender, receiver: Receiver) -> None:
    slow, quick = make_sender("Slow"), make_sender("Quick")
    threads = Threads(size=1, failing=1)
    with receiving() as hanging:
        hanging.hangs = threading.Event()
        hung = subscribe(slow.key.default_owner, hanging.url, failures=1)
        subscribe(quick.key.default_owner, receiver.url)
        post(slow, "never answered")

        def have(found: Receiver, mids: list[str]) -> bool:
            threads.deliver_due()
            return found.mids == mids

        eventually(lambda: have(hanging, ["never answered"]), SECONDS, "the receiver that hangs")
        for mids in (["a"], ["a", "b"]):
            post(quick, mids[-1])
            eventually(partial(have, receiver, mids), SECONDS, f"{mids} beside a receiver that hangs")
        hung.refresh_from_db()
        assert hung.claimed_until is not None, "it still hangs"
        hanging.hangs.set()
        threads.finish()
    hung.refresh_from_db()
    assert (hung.failures, hanging.mids) == (2, ["never answered"])


def test_a_stopped_delivery_ends_after_its_current_attempt(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST", 1)
    webhook = subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a", "b")
    delivery.deliver(webhook.pk, stops=lambda: bool(receiver.mids))
    assert receiver.mids == ["a"]
    deliver()
    assert receiver.mids == ["a", "b"]


def test_a_dripping_response_is_aborted() -> None:
    """Each byte arrives in time, but the response never ends."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not ended.wait(0.02):
                        connection.sendall(b"a")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(posting.NotPosted, match="No complete response"):
                posting.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, 0.5)
        finally:
            ended.set()
            thread.join()


def test_after_a_crash_the_message_is_repeated_with_the_same_id(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a")
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise SystemExit

        patch.setattr(WebhookAttempt, "save", die)
        with pytest.raises(SystemExit):
            deliver()
    assert receiver.mids == ["a"]
    post(sender, "b")
    retry_now(webhook)
    assert [each.mids for each in receiver.received] == [["a"], ["a"], ["b"]]
    first, again, other = (each.message for each in receiver.received)
    assert first == again != other


WORKER = """
import time, django
django.setup()
from events.webhooks.threads import threads
threads.deliver_due()
time.sleep(60)
"""


@pytest.mark.django_db(transaction=True)
def test_after_a_kill_before_the_response_the_message_is_repeated_with_the_same_id(
    sender: Sender, receiver: Receiver
) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a")
    receiver.hangs = threading.Event()
    environment = {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "telemetry_project.settings",
        "WEBHOOK_ALLOW_HTTP": "1",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    }
    with subprocess.Popen([sys.executable, "-c", WORKER], env=os.environ | environment) as worker:
        while worker.poll() is None and not receiver.received:
            time.sleep(0.05)
        worker.kill()
    receiver.hangs.set()
    receiver.hangs = None
    assert receiver.mids == ["a"]
    webhook.refresh_from_db()
    assert webhook.claimed_until is not None, "nobody took the claim back"
    post(sender, "b")
    deliver()
    assert receiver.mids == ["a"], "for some minutes the claim is the dead worker's"
    retry_now(webhook)
    assert [each.mids for each in receiver.received] == [["a"], ["a"], ["b"]]
    first, again, other = (each.message for each in receiver.received)
    assert first == again != other


def test_two_workers_never_send_at_once(sender: Sender, receiver: Receiver) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a")
    Webhook.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    deliver()
    assert receiver.received == []
    Webhook.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    deliver()
    assert receiver.mids == ["a"]
    webhook.refresh_from_db()
    assert webhook.claimed_until is None


def test_a_worker_that_lost_its_claim_stores_nothing(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a")
    posted = posting.post

    def taken_over(*given: Any) -> int:
        Webhook.objects.update(claimed_until=timezone.now() + timedelta(minutes=9))
        return posted(*given)

    monkeypatch.setattr(posting, "post", taken_over)
    deliver()
    before = webhook.cursor
    webhook.refresh_from_db()
    assert webhook.cursor == before
    assert webhook.claimed_until is not None, "the other's claim stays"
    assert not WebhookAttempt.objects.exists()


def test_only_events_matching_the_filter_are_sent(sender: Sender, receiver: Receiver) -> None:
    webhook = subscribe(
        sender.key.default_owner, receiver.url, filter="kind=LOG&level=ERROR", fields="client_event_id,wire"
    )
    before = webhook.cursor
    error = {"edata": {"type": "system", "level": "ERROR", "message": "failed"}}
    post(sender, "fine")
    deliver()
    assert receiver.received == []
    webhook.refresh_from_db()
    assert webhook.cursor != before, "it goes on behind what doesn't match"
    post(sender, "bad", **error)
    deliver()
    assert receiver.mids == ["bad"]
    (found,) = receiver.received[0].data
    assert set(found) == {"client_event_id", "wire"}
    assert found["wire"]["edata"]["message"] == "failed"


@pytest.mark.parametrize(
    "text", ["kind=NOPE", "nope=1", "kind=LOG&kind=LOG", "occurred_after=never", "kind", "channel="]
)
def test_invalid_filters_are_refused(text: str) -> None:
    with pytest.raises(queries.InvalidQuery):
        queries.conditions_of("events", text)


def test_a_webhook_with_an_outdated_filter_is_paused(sender: Sender, receiver: Receiver) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url, filter="no_more=1")
    post(sender, "a")
    deliver()
    webhook.refresh_from_db()
    assert webhook.reason == "Its filters or fields are no longer valid. no_more: There is no such parameter."


def test_rejected_events_and_sessions_are_sent_too(sender: Sender, receiver: Receiver) -> None:
    owner = sender.key.default_owner
    subscribe(owner, receiver.url, what="rejected")
    webhook = Webhook(owner=owner, name="sessions", url=receiver.url, what="sessions")
    webhook.begin()
    webhook.save()
    sender.batch(log_event("a"), BAD)
    file_all()
    summarise_sessions()
    deliver()
    found = {json.loads(each.body)["type"]: each.data for each in receiver.received}
    assert [each["code"] for each in found["rejected"]] == ["unknown_kind"]
    assert [each["session"] for each in found["sessions"]] == ["s1"]


def test_a_webhook_never_sends_events_of_another_owner(make_sender: MakeSender, receiver: Receiver) -> None:
    mine, other = make_sender("Mine"), make_sender("Other")
    webhook = subscribe(mine.key.default_owner, receiver.url)
    Webhook.objects.update(filter="owner=Other")
    post(other, "theirs")
    post(mine, "mine")
    deliver()
    assert receiver.received == []
    Webhook.objects.update(filter="")
    webhook.refresh_from_db()
    post(other, "theirs too")
    post(mine, "mine too")
    deliver()
    assert receiver.mids == ["mine too"]
    assert {each["owner"] for request in receiver.received for each in request.data} == {"Mine"}


def test_messages_are_limited_in_size(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST", 3)
    subscribe(sender.key.default_owner, receiver.url)
    sender.batch(*(log_event(f"m{number}") for number in range(7)))
    file_all()
    deliver()
    assert [len(each.data) for each in receiver.received] == [3, 3, 1]
    assert sorted(receiver.mids) == [f"m{number}" for number in range(7)]
    receiver.received.clear()
    monkeypatch.setattr(messages, "LARGEST", 1)
    sender.batch(log_event("n1"), log_event("n2"))
    file_all()
    deliver()
    assert [len(each.data) for each in receiver.received] == [1, 1]


def test_both_secrets_sign_for_a_day_after_a_rotation(sender: Sender, receiver: Receiver) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    old, new = webhook.secret, webhook.rotate(timezone.now())
    assert old != new
    post(sender, "a")
    deliver()
    (request,) = receiver.received
    sent = request.signatures(new)[1]
    assert sent == [request.signatures(new)[0], request.signatures(old)[0]]
    Webhook.objects.update(rotated_at=timezone.now() - GRACE)
    post(sender, "b")
    deliver()
    expected, sent = receiver.received[1].signatures(new)
    assert sent == [expected]


def test_a_message_can_be_sent_again(sender: Sender, receiver: Receiver) -> None:
    webhook = subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a")
    deliver()
    post(sender, "b")
    deliver()
    attempt = webhook.attempts.order_by("pk")[0]
    WebhookAttempt.objects.filter(pk=attempt.pk).update(again_at=timezone.now())
    deliver()
    deliver()
    assert [each.mids for each in receiver.received] == [["a"], ["b"], ["a"]]
    assert receiver.received[0].message == receiver.received[2].message
    again = webhook.attempts.latest("pk")
    assert (again.is_again, again.error) == (True, "")


def test_old_attempts_are_removed_from_the_log(sender: Sender, receiver: Receiver, settings: Any) -> None:
    subscribe(sender.key.default_owner, receiver.url)
    post(sender, "a")
    deliver()
    now = timezone.now()
    assert remove_old_attempts(now) == 0
    assert remove_old_attempts(now + timedelta(days=settings.WEBHOOK_LOG_DAYS, minutes=5)) == 1


def test_webhooks_that_name_an_erased_actor_are_redacted_and_paused(
    sender: Sender, receiver: Receiver
) -> None:
    owner = sender.key.default_owner
    webhook = subscribe(owner, receiver.url, filter="kind=LOG&actor=somebody@example.org")
    erased = Erased(owner, ("somebody@example.org",))
    assert erase_from_webhooks(erased, timezone.now()) == 1
    webhook.refresh_from_db()
    assert webhook.filter == "kind=LOG&actor=(erased)"
    assert webhook.paused_at is not None
    assert erase_from_webhooks(erased, timezone.now()) == 0


def test_an_invalid_network_in_the_settings_is_reported(settings: Any) -> None:
    assert check_webhooks() == []
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.1/8"]
    assert [each.id for each in check_webhooks()] == ["events.E007"]
