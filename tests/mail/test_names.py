"""Names in any script are unchanged in mails, and deceptive characters are removed."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from wcwidth import wcswidth

from events.lib.formatting import shorten, start_of
from events.ownership.owner import Owner
from reports.digests import content, sending
from reports.digests.digest import Table
from reports.digests.rendering import text_table
from reports.mail import account_mails, delivery
from reports.mail.message import MailContent, build_message
from reports.mail.text import isolated, one_line
from tests.digests.telling import NOW, YESTERDAY, clock, reader, subscribed, usage
from tests.mail.conftest import contact_of
from tests.mail.server import Box

# Each has a zero-width character, a combining mark or a space that its script needs.
NAMES = {
    "emoji with a joiner": "👩\u200d🏫 lessons",
    "Malayalam chillu": "പാഠം ന്\u200d",
    "Marathi eyelash ra": "दर्\u200dया",
    "Persian non-joiner": "می\u200cروم",
    "Hindi half form": "शक्\u200cति",
    "Sinhala": "ශ්\u200dරී ලංකාව",
    "flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "Kannada": "ಪಾಠ ಒಂದು",
    "red heart in colour": "\u2764\ufe0f hearts",
    "variant of a Han character": "葛\U000e0100城市",
    "Mongolian variant": "ᠠ\u180b",
    "Hebrew with marks": "C++\u200e שלום\u200f!",
    "Arabic letter mark": "\u0664\u061c-\u0665 درس",
    "Khmer word break": "សាលា\u200bរៀន",
    "Japanese blank": "学校\u3000東京",
    "soft hyphen": "Schul\u00adbuch",
    "word joiner": "a\u2060b",
    "isolated by a phone": "\u2068درس\u2069 one",
}
each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
pytestmark = pytest.mark.django_db


def texts(message: EmailMessage) -> list[str]:
    """Return subject, plain text and HTML without the word joiners that prevent automatic links."""
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    bodies = [str(part.get_content()) for part in parts if part is not None]
    return [text.replace("\u2060", "") for text in (str(message["Subject"]), *bodies)]


@each_name
def test_a_name_is_unchanged(name: str) -> None:
    assert one_line(name) == name
    assert shorten(name) == name


@each_name
def test_every_kind_of_mail_has_the_name_unchanged(name: str, owner: Owner, lead: Client, box: Box) -> None:
    Owner.objects.filter(pk=owner.pk).update(name=name)
    owner.refresh_from_db()
    lena = User.objects.get(username="lena")
    usage(owner, YESTERDAY, 5, source=name)
    subscribed(reader(owner), owner)
    sending.tick(content.compose, clock())
    assert account_mails.ask_to_confirm(contact_of(owner, clicked=False), lena, timezone.now()) == ""
    form = {"owner": owner.pk, "email": "dora@example.org", "role": "viewer"}
    lead.post("/admin/accounts/invitation/add/", form)
    delivery.deliver_due()
    assert {to for to, _ in box.taken} == {"ann@example.org", "team@example.org", "dora@example.org"}
    for to, message in box.taken:
        for text in texts(message):
            assert name.replace("\u2060", "") in text, to


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\r\nBcc: all@example.org", "one Bcc: all@example.org"),
        ("one\u2028two\u2029three\x85four\x0bfive", "one two three four five"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u202dabc", "abc"),
        ("\u2067begins and never ends", "begins and never ends"),
        ("ends\u2069 what it didn't begin", "ends what it didn't begin"),
        ("\ufeffmark", "mark"),
        ("far\u3000\u3000 \u2003away", "far\u3000away"),
        ("\u200b\u200d \u2060", ""),
    ],
)
def test_line_breaks_and_direction_marks_are_removed(text: str, said: str) -> None:
    assert one_line(text) == said


@pytest.mark.parametrize("unit", ["👨\u200d👩\u200d👧\u200d👦", "e\u0301", "🇮🇳", "👍🏽", "❤\ufe0f"])
def test_truncation_does_not_split_characters(unit: str) -> None:
    text = unit * 60
    for most in range(len(unit), 60):
        fit = unit * (most // len(unit))
        assert start_of(text, most) == fit
        assert one_line(text, most + 1) == f"{fit.rstrip()}…"
        assert shorten(text, 2 * most + 1) == f"{fit}…{fit}"


def test_an_endless_combining_sequence_is_truncated() -> None:
    assert start_of("e" + "\u0301" * 1_000, 5) == "e" + "\u0301" * 4


def test_a_right_to_left_name_is_isolated_from_its_surroundings() -> None:
    assert isolated("درس") == "\u2068درس\u2069"
    assert isolated("lesson") == "lesson"


def test_plain_text_tables_are_aligned_in_every_script() -> None:
    table = Table("Sources", ("Source", "Events"), tuple((name, "7") for name in NAMES.values()))
    lines = text_table(table)
    assert len({wcswidth(each) for each in lines}) == 1


def test_a_subject_of_any_length_is_decoded_unchanged() -> None:
    words = "Team A: 5 events, none on the Thursday before; portal sent all of them. " * 3
    for length in (*range(1, 90), 100, 190):
        subject = words[:length].strip()
        for text in (subject, f"{subject} \u200d\u2713", f"ദ{subject}"):
            content = MailContent(
                text, "text", "<p>html</p>", unsubscribe_url=f"https://tally.example/{'x' * 300}"
            )
            sent = build_message(content, to="ann@example.org", key="k", at=NOW).as_bytes()
            message = message_from_bytes(sent, policy=policy.default)
            assert message["Subject"] == text
            assert max(map(len, sent.partition(b"\r\n\r\n")[0].splitlines())) <= 998
            assert message["List-Unsubscribe"] == f"<{content.unsubscribe_url}>"
