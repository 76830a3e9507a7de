"""Sending mail: claimed once, handed over, the response stored, retried or given up."""

from datetime import datetime, timedelta
from email import policy
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from events.ownership.owner import Owner
from reports.mail import delivery, retention
from reports.mail.addresses import Address
from reports.mail.message import Attachment, Image, MailContent
from reports.mail.models import SentMail, State
from reports.mail.transport import ServerConnection, Verdict
from tests.mail.conftest import contact_of
from tests.mail.server import Box, serving

pytestmark = pytest.mark.django_db
CONTENT = MailContent("80 % of the budget", "Figures in words.\n.\n..dots\n", "<p>Figures</p>")


def claimed(to: Address, key: str = "budget/1", content: MailContent = CONTENT) -> SentMail:
    mail = delivery.send(content, to=to, kind="budget", key=key, now=timezone.now())
    assert mail is not None
    return mail


def later(**parts: float) -> Any:
    """Return a clock that is ahead."""
    return lambda: timezone.now() + timedelta(**parts)


def state_of(mail: SentMail) -> str:
    mail.refresh_from_db()
    return mail.state


def test_a_mail_is_sent_and_the_servers_response_stored(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    assert delivery.deliver_due() == 1
    assert (state_of(mail), mail.answer, mail.attempts) == (State.SENT, "250 2.0.0 Taken as 1", 1)
    assert mail.sent_at is not None
    assert [(each.verdict, each.answer) for each in mail.tries.all()] == [("sent", "250 2.0.0 Taken as 1")]
    (message,) = box.to("team@example.org")
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Figures in words.", ".", "..dots"]
    as_it_came = message.as_bytes(policy=policy.default.clone(refold_source="none"))
    assert bytes(mail.message).replace(b"\r\n", b"\n").strip() in as_it_came.replace(b"\r\n", b"\n")


def test_a_key_is_used_once(owner: Owner, box: Box) -> None:
    address = contact_of(owner)
    claimed(address)
    assert delivery.send(CONTENT, to=address, kind="budget", key="budget/1", now=timezone.now()) is None
    delivery.deliver_due()
    assert delivery.deliver_due(later(days=1)) == 0
    assert len(box.taken) == 1


def test_an_unregistered_kind_is_an_error(owner: Owner) -> None:
    with pytest.raises(KeyError):
        delivery.send(CONTENT, to=contact_of(owner), kind="news", key="news/1", now=timezone.now())


def test_an_absent_server_is_retried_with_growing_delays(owner: Owner, to_server: Box) -> None:
    mail = claimed(contact_of(owner))
    waits = []
    for _ in delivery.WAITS:
        delivery.deliver_due(lambda: mail.next_at)
        before = mail.next_at
        assert state_of(mail) == State.CLAIMED
        waits.append(mail.next_at - before)
    assert tuple(waits) == delivery.WAITS
    with serving(to_server):
        delivery.deliver_due(lambda: mail.next_at)
    assert state_of(mail) == State.SENT
    assert [each.verdict for each in mail.tries.all()] == ["away"] * len(delivery.WAITS) + ["sent"]


def test_a_mail_fails_after_a_day_of_attempts(owner: Owner, to_server: Box) -> None:
    mail = claimed(contact_of(owner))
    for _ in range(len(delivery.WAITS) + 1):
        delivery.deliver_due(lambda: mail.next_at)
        mail.refresh_from_db()
    assert mail.state == State.FAILED
    assert "refused" in mail.answer
    assert sum(delivery.WAITS, timedelta()) > timedelta(hours=20)


def test_an_absent_server_is_tried_once_per_round(owner: Owner, to_server: Box) -> None:
    for number in range(5):
        claimed(contact_of(owner, f"team{number}@example.org"), f"budget/{number}")
    assert delivery.deliver_due() == 1
    assert SentMail.objects.filter(attempts=0).count() == 4


@pytest.mark.parametrize(
    ("step", "answer", "state", "verdict", "failures"),
    [
        ("RCPT", "450 4.2.1 Try later", State.CLAIMED, Verdict.LATER, 0),
        ("DATA", "451 4.3.0 Greylisted", State.CLAIMED, Verdict.LATER, 0),
        ("MAIL", "550 5.7.1 We don't know you", State.CLAIMED, Verdict.LATER, 0),
        ("RCPT", "550 5.1.1 No such user", State.FAILED, Verdict.GONE, 1),
        ("DATA", "550 5.2.1 Mailbox disabled", State.FAILED, Verdict.GONE, 1),
        ("DATA", "554 5.7.1 Looks like spam", State.FAILED, Verdict.REFUSED, 0),
    ],
)
def test_each_response_gives_its_state(
    owner: Owner, box: Box, step: str, answer: str, state: State, verdict: Verdict, failures: int
) -> None:
    address = contact_of(owner)
    mail = claimed(address)
    box.answers[step] = answer
    delivery.deliver_due()
    assert (state_of(mail), mail.answer) == (state, answer)
    assert mail.tries.get().verdict == verdict
    address.refresh_from_db()
    assert (address.failures, address.paused_at) == (failures, None)


def test_an_address_refused_three_times_is_paused(owner: Owner, box: Box) -> None:
    address = contact_of(owner)
    box.answers["RCPT"] = "550 5.1.1 No such user"
    for number in range(3):
        claimed(address, f"budget/{number}")
        delivery.deliver_due()
    address.refresh_from_db()
    assert address.paused_at is not None
    assert address.paused_why == "550 5.1.1 No such user"
    assert address.suppression("budget") == "It is paused: its mail server rejected it permanently 3 times."
    last = claimed(address, "budget/last")
    assert delivery.deliver_due() == 0
    assert state_of(last) == State.SKIPPED
    assert last.answer == address.suppression("budget")


def test_a_success_resets_the_count_of_failures(owner: Owner, box: Box) -> None:
    address = contact_of(owner)
    for number, answer in enumerate(("550 No", "550 No", "", "550 No", "550 No")):
        box.answers = {"RCPT": answer} if answer else {}
        claimed(address, f"budget/{number}")
        delivery.deliver_due()
    address.refresh_from_db()
    assert (address.failures, address.paused_at) == (2, None)


def test_a_bad_address_does_not_affect_others(owner: Owner, box: Box) -> None:
    for number in range(20):
        claimed(contact_of(owner, f"team{number}@example.org"), f"budget/{number}")
    box.answers["RCPT", "team7@example.org"] = "550 5.1.1 No such user"
    box.answers["DATA", "team8@example.org"] = "451 Later"
    assert delivery.deliver_due() == 20
    assert {to for to, _ in box.taken} == {f"team{n}@example.org" for n in range(20)} - {
        "team7@example.org",
        "team8@example.org",
    }


def test_a_server_that_is_slow_to_answer_the_message_leaves_it_unknown(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    box.seconds["DATA"] = 1.5
    delivery.deliver_due()
    assert state_of(mail) == State.UNKNOWN
    assert delivery.deliver_due(later(days=2)) == 0


def test_a_server_that_is_slow_before_the_message_is_tried_again(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    box.seconds["RCPT"] = 1.5
    delivery.deliver_due()
    assert state_of(mail) == State.CLAIMED
    box.seconds.clear()
    delivery.deliver_due(later(minutes=2))
    assert state_of(mail) == State.SENT


def test_a_mail_whose_worker_died_becomes_unknown(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    SentMail.objects.filter(pk=mail.pk).update(state=State.SENDING, changed_at=timezone.now())
    assert delivery.mark_lost(timezone.now()) == 0
    assert delivery.mark_lost(timezone.now() + delivery.LOST_AFTER) == 1
    assert state_of(mail) == State.UNKNOWN
    assert delivery.deliver_due(later(days=1)) == 0
    assert delivery.resend(mail, timezone.now())
    assert delivery.deliver_due() == 1
    assert state_of(mail) == State.SENT


def test_only_an_unknown_mail_can_be_marked_as_sent(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    assert not delivery.mark_sent(mail, timezone.now())
    SentMail.objects.filter(pk=mail.pk).update(state=State.UNKNOWN)
    assert delivery.mark_sent(mail, timezone.now())
    assert (state_of(mail), box.taken) == (State.SENT, [])


def test_a_second_copy_has_the_same_message_id(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    delivery.deliver_due()
    assert delivery.resend(mail, timezone.now())
    delivery.deliver_due()
    first, second = box.to("team@example.org")
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


def test_a_mail_is_sent_by_one_worker(owner: Owner, box: Box) -> None:
    mail = claimed(contact_of(owner))
    now = timezone.now()
    assert delivery._start_attempt(SentMail.objects.get(pk=mail.pk), now)
    with ServerConnection() as server:
        assert delivery.attempt(mail.pk, server) is None
    assert box.asked == []


def test_there_is_a_pause_between_mails(owner: Owner, box: Box, settings: Any, monkeypatch: Any) -> None:
    settings.MAIL_PAUSE_SECONDS = 7.5
    slept: list[float] = []
    monkeypatch.setattr("reports.mail.delivery.time.sleep", slept.append)
    for number in range(3):
        claimed(contact_of(owner, f"team{number}@example.org"), f"budget/{number}")
    delivery.deliver_due()
    assert slept == [7.5, 7.5]


# --- Recipients -----------------------------------------------------------------------------------


def test_a_contact_without_a_lead_gets_no_mail(owner: Owner, box: Box) -> None:
    address = Address.objects.create(owner=owner, address="stranger@example.org")
    mails = [
        delivery.send(CONTENT, to=address, kind=kind, key=kind, now=timezone.now())
        for kind in ("budget", "digest", "confirmation")
    ]
    delivery.deliver_due()
    assert box.asked == []
    assert {state_of(mail) for mail in mails if mail} == {State.SKIPPED}


def test_an_unconfirmed_contact_gets_only_the_confirmation_mail(owner: Owner, box: Box) -> None:
    address = contact_of(owner, clicked=False)
    claimed(address)
    delivery.send(CONTENT, to=address, kind="confirmation", key="c", now=timezone.now())
    delivery.deliver_due()
    assert len(box.taken) == 1
    assert SentMail.objects.get(state=State.SENT).kind == "confirmation"


def test_mail_goes_to_the_accounts_current_address(db: None, box: Box) -> None:
    user = User.objects.create_user("ann", "ann@example.org")
    old = Address.objects.create(user=user, address="ann@example.org")
    assert old.suppression("budget") == ""
    user.email = "ann@example.com"
    user.save()
    old.refresh_from_db()
    assert old.suppression("budget") == "It is no longer the person's address."
    user.is_active = False
    user.save()
    old.refresh_from_db()
    assert old.suppression("budget") == "The person's account is no longer active."


# --- Content --------------------------------------------------------------------------------------

HOSTILE = (
    "Report\r\nBcc: all@example.org\r\n\r\n\ud800<script>alert(1)</script>\u202egnp.exe\u2028 \x00"
    + "é" * 300
)


def test_subjects_cannot_inject_headers(owner: Owner, box: Box) -> None:
    content = MailContent(HOSTILE, "text", "<p>html</p>", headers={"X-Tally-About": HOSTILE})
    claimed(contact_of(owner), content=content)
    assert delivery.deliver_due() == 1
    (message,) = box.to("team@example.org")
    assert message["Bcc"] is None
    assert message["Subject"].startswith(
        "Report Bcc: all@example.org \ufffd<script>alert(1)</script>gnp.exe é"
    )
    assert len(message["Subject"]) == 200
    assert message.defects == []
    assert not {"\u202e", "\u2028", "\x00", "\r", "\n"} & set(message["Subject"])


def test_a_mail_has_all_parts_and_headers(owner: Owner, box: Box) -> None:
    content = MailContent(
        "Grüße",
        "Straße 東京 😀\n",
        '<p>Straße 東京 😀 <img src="cid:chart1" alt="x"></p>',
        images=(Image("chart1", b"\x89PNG\r\n\x1a\nnot really"),),
        attachments=(Attachment("../..\\evil\r\n name.csv", b"a,b\r\n1,2\r\n"),),
        unsubscribe_url="https://tally.example/mail/end/abc",
    )
    claimed(contact_of(owner), content=content)
    delivery.deliver_due()
    (message,) = box.to("team@example.org")
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/csv",
    ]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == ["Straße 東京 😀"]
    assert "Straße 東京 😀" in html.get_content()
    assert plain.get_content_charset() == html.get_content_charset() == "utf-8"
    (image,) = (part for part in message.walk() if part.get_content_type() == "image/png")
    assert (image["Content-ID"], image.get_content_disposition()) == ("<chart1>", "inline")
    assert image.get_payload(decode=True) == b"\x89PNG\r\n\x1a\nnot really"
    (file,) = message.iter_attachments()
    assert file.get_filename() == "evil-name.csv"
    assert message["Subject"] == "Grüße"
    assert message["From"] == "Tally <tally@tally.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<https://tally.example/mail/end/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Message-ID"].endswith("@tally.example>")
    sent = message["Date"].datetime
    assert isinstance(sent, datetime)
    assert message.defects == []
    assert all(byte < 128 for byte in SentMail.objects.get().message)


def test_an_internationalised_host_is_encoded_as_ascii(owner: Owner, box: Box) -> None:
    claimed(contact_of(owner, "team@bücher.example"))
    delivery.deliver_due()
    assert box.asked == ["team@xn--bcher-kva.example"]


def test_without_a_server_each_mail_is_written_to_a_file(owner: Owner, settings: Any, tmp_path: Any) -> None:
    settings.EMAIL_BACKEND = "reports.mail.files.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    claimed(contact_of(owner))
    delivery.deliver_due()
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert b"80 % of the budget" in file.read_bytes()
    assert SentMail.objects.get().state == State.SENT


def test_a_mail_that_cannot_be_handled_does_not_affect_others(owner: Owner, box: Box) -> None:
    """Its kind is unknown, as after a downgrade to an older release."""
    address = contact_of(owner)
    odd, fine = claimed(address, "odd"), claimed(address, "fine")
    SentMail.objects.filter(pk=odd.pk).update(kind="ghost", next_at=timezone.now() - timedelta(minutes=1))
    assert delivery.deliver_due() == 1
    assert state_of(fine) == State.SENT
    assert (state_of(odd), odd.attempts) == (State.CLAIMED, 1)
    assert odd.next_at > timezone.now(), "it is put off, or it would come first each time"
    assert odd.answer == "It could not be delivered: KeyError."


def test_a_mail_the_server_may_have_accepted_is_not_retried(
    owner: Owner, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = contact_of(owner)
    odd, fine = claimed(address, "odd"), claimed(address, "fine")
    SentMail.objects.filter(pk=odd.pk).update(next_at=timezone.now() - timedelta(minutes=1))
    keep = delivery._record_outcome

    def fail(mail: SentMail, *args: Any) -> None:
        if mail.pk == odd.pk:
            raise ValueError("after the server has taken it")
        keep(mail, *args)

    monkeypatch.setattr(delivery, "_record_outcome", fail)
    delivery.deliver_due()
    assert (state_of(odd), state_of(fine)) == (State.UNKNOWN, State.SENT)


def test_copies_of_mails_expire_but_their_records_remain(owner: Owner, box: Box, settings: Any) -> None:
    address = contact_of(owner)
    old, waiting = claimed(address, "old"), claimed(address, "waiting")
    SentMail.objects.filter(pk=waiting.pk).update(next_at=timezone.now() + timedelta(days=900))
    delivery.deliver_due()
    assert retention.forget_copies(timezone.now() + timedelta(days=89)) == 0
    settings.MAIL_COPIES_DAYS = 0
    assert retention.forget_copies(timezone.now() + timedelta(days=900)) == 0
    settings.MAIL_COPIES_DAYS = 90
    assert retention.forget_copies(timezone.now() + timedelta(days=91)) == 1
    assert state_of(old) == State.SENT
    assert (bytes(old.message), old.subject) == (b"", CONTENT.subject)
    assert state_of(waiting) == State.CLAIMED
    assert bytes(waiting.message)
