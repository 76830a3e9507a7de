"""Digests as mails: parts, pictures, links, attachments, escaped telemetry."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from django.test import Client
from PIL import Image, ImageColor

from events.ownership.owner import Owner
from reports.charts.numbers import count
from reports.digests import chart_image, content, sending
from reports.digests.digest import Digest, Figure, Notice, Table
from reports.digests.locales import LOCALES
from reports.digests.rendering import render_digest, text_table
from reports.mail import delivery
from reports.mail.message import build_message
from reports.periods import Period
from tests.digests.telling import NOW, YESTERDAY, clock, reader, subscribed, usage
from tests.mail.server import Box
from tests.spreadsheets.reading import table_of, xlsx_rows

pytestmark = pytest.mark.django_db


class Reading(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [str(attrs["href"]) for tag, attrs in self.elements if tag == "a"]


def sent(owner: Owner, box: Box, **options: Any) -> EmailMessage:
    subscribed(reader(owner), owner, **options)
    sending.tick(content.compose, clock())
    delivery.deliver_due(clock())
    (message,) = box.to("ann@example.org")
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_both_parts_begin_with_the_answer(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY.replace(day=12), 1_000)
    usage(owner, YESTERDAY.replace(day=18), 77)
    usage(owner, YESTERDAY, 1_160, rejected=80)
    message = sent(owner, box)
    answer = "Team A: 1,080 events, 8\u00a0% more than the Thursday before; portal sent all of them."
    assert message["Subject"] == answer
    assert part(message, "plain").splitlines()[0].replace("\u2060", "") == answer
    html = Reading(part(message, "html"))
    first = next(place for place, (tag, _) in enumerate(html.elements) if tag == "h1")
    assert [tag for tag, _ in html.elements[:first] if tag in ("p", "img", "h2")] == []
    assert answer in html.text.replace("\u2060", "")
    for said in ("80 events were rejected, 6.9\u00a0% of what came in.", "19 Nov 2026 (UTC), compared"):
        assert said in part(message, "plain").replace("\u2060", "")
        assert said in html.text.replace("\u2060", "")


def test_the_picture_is_attached_and_described(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 1_080)
    usage(owner, YESTERDAY.replace(hour=4), 20)
    message = sent(owner, box)
    pictures = [each for each in message.walk() if each.get_content_type() == "image/png"]
    shown = [attrs for tag, attrs in Reading(part(message, "html")).elements if tag == "img"]
    assert [f"<{str(each['src']).removeprefix('cid:')}>" for each in shown] == [
        each["Content-ID"] for each in pictures
    ]
    alt = "Events by hour: most in the hour from 10:00, 1,080; 22 of 24 hours had none."
    assert [str(each["alt"]).replace("\u2060", "") for each in shown] == [alt, alt]
    assert alt in part(message, "plain").replace("\u2060", "")


@pytest.mark.parametrize(
    ("theme", "grounds"),
    [(chart_image.LIGHT, {"#ffffff": 4.5, "#1d232b": 3.0}), (chart_image.DARK, {"#1d232b": 4.5})],
    ids=["light", "dark"],
)
def test_a_picture_is_transparent_and_readable_on_its_background(
    theme: chart_image.Theme, grounds: dict[str, float]
) -> None:
    """The light one also on a dark background, since some mail programs darken mails themselves."""
    png = chart_image.bars([chart_image.Bar("Mon", 5), chart_image.Bar("Tue", None)], count("events"), theme)
    with Image.open(BytesIO(png)) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (1088, 480), "RGBA")
        clear = image.getchannel("A").histogram()[0]
        corners = [image.getpixel((x, y)) for x in (0, 1087) for y in (0, 479)]
    assert clear > 0.5 * 1088 * 480
    assert all(isinstance(corner, tuple) and corner[3] == 0 for corner in corners)
    for ground, least in grounds.items():
        for colour in (theme.ink, theme.bar):
            assert contrast(colour, ImageColor.getrgb(ground)) >= least


def contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the contrast of two colours as defined by WCAG."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Sequence[int]) -> float:
    """Return the relative luminance of a colour as defined by WCAG."""
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_link_works(owner: Owner, box: Box, alice: Client) -> None:
    usage(owner, YESTERDAY, 5, rejected=1)
    message = sent(owner, box)
    links = Reading(part(message, "html")).links()
    assert len(links) >= 5
    for link in links:
        url = urlsplit(link)
        assert (url.scheme, url.netloc) == ("https", "tally.example")
        assert link in part(message, "plain"), "both parts have the same links"
        assert alice.get(url.path, follow=True).status_code == 200, link


def test_one_click_ends_only_this_subscription(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 5)
    message = sent(owner, box)
    other = subscribed(reader(owner, "ben"), owner)
    path = urlsplit(str(message["List-Unsubscribe"]).strip("<>")).path
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.get(path).status_code == 200
    assert stranger.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    ended = type(other).objects.get(active=False)
    assert ended.ended_why == "Unsubscribed through the link in a mail."
    assert ended.pk != other.pk


def test_csv_and_xlsx_are_attached_on_request(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 1_080)
    message = sent(owner, box, attach_csv=True, zone="Asia/Kolkata")
    files: dict[Any, Any] = {
        file.get_filename(): file.get_payload(decode=True) for file in message.iter_attachments()
    }
    rows = table_of(files["over-time.csv"])
    assert (set(files), len(rows)) == ({"over-time.csv", "sources.csv", "figures.xlsx"}, 24)
    assert sum(int(row["events"]) for row in rows) == 1_080
    assert rows[0]["since (Asia/Kolkata)"] == "2026-11-19T00:00:00+05:30"
    head, first, *_ = xlsx_rows(files["figures.xlsx"], "over-time")
    assert head[:2] == ["since (Asia/Kolkata)", "since (UTC)"]
    assert [f"{at:%Y-%m-%d %H:%M}" for at in first[:2]] == ["2026-11-19 00:00", "2026-11-18 18:30"]
    assert openpyxl.load_workbook(BytesIO(files["figures.xlsx"])).sheetnames == ["over-time", "sources"]


def test_numbers_and_dates_follow_the_readers_locale(owner: Owner, box: Box) -> None:
    usage(owner, YESTERDAY, 1_234_567)
    message = sent(owner, box, locale="de")
    assert "Team A: 1.234.567 events" in message["Subject"]
    assert "19.11.2026" in part(message, "plain").replace("\u2060", "")


@pytest.mark.parametrize("code", LOCALES)
def test_titles_of_locales_show_their_formats(code: str) -> None:
    locale = LOCALES[code]
    assert locale.number(1234.5, 1) in locale.title
    assert locale.day(date(2026, 3, 2)) in locale.title


# --- Hostile telemetry ----------------------------------------------------------------------------

HOSTILE = (
    'evil"><script>alert(1)</script><img src=x onerror=alert(1)>',
    "http://evil.example/now and www.evil.example me@evil.example",
    "{{ 7|add:7 }} {% now 'Y' %}",
    "one\r\nBcc: all@example.org\r\n\r\ntwo",
    "\u202egnp.exe\u2066",
    "=cmd()",
    "\ud800\udfff lone",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_telemetry_is_escaped(text: str) -> None:
    digest = Digest(
        summary=f"{text} sent most.",
        period=text,
        notices=(Notice(text, "/admin/"),),
        figures=(Figure(text, text, text),),
        tables=(Table(text, (text, "Events"), ((text, "5"),), text, "/admin/"),),
    )
    content = render_digest(digest, rhythm="daily", unsubscribe_url="https://tally.example/mail/end/x")
    message = build_message(content, to="ann@example.org", key="k", at=NOW)
    assert message["Bcc"] is None
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
        *("List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"),
    }
    html = Reading(content.html)
    assert {tag for tag, _ in html.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "table", "tr", "td", "th", "h1", "h2"),
        *("p", "span", "br", "a"),
    }
    assert not [name for _, attrs in html.elements for name in attrs if name.startswith("on")]
    for found in (html.text, content.text):
        assert "http://evil" not in found
        assert "www.evil" not in found
        assert "me@evil" not in found
        assert "\u202e" not in found
        assert "\ud800" not in found
    assert all(urlsplit(link).path != "" and "evil" not in link for link in html.links())


def test_a_digest_links_only_to_tally() -> None:
    for path in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        digest = Digest("Answer", "today", notices=(Notice("x", path),))
        with pytest.raises(ValueError, match="pages of Tally only"):
            render_digest(digest, rhythm="daily", unsubscribe_url="")


def test_plain_text_tables_are_aligned() -> None:
    table = Table("Sources", ("Source", "Events"), (("portal", "1,080"), ("東京", "7"), ("x" * 60, "12")))
    lines = text_table(table)
    assert [line[-6:] for line in lines] == ["Events", " 1,080", "     7", "    12"]
    assert lines[3].startswith("x" * 16 + "…")


def test_days_of_clock_changes_have_all_hours(owner: Owner) -> None:
    zone = ZoneInfo("Europe/London")
    period = Period(date(2026, 10, 25), date(2026, 10, 26), zone)
    for hour in range(25):
        usage(owner, datetime(2026, 10, 24, 23, tzinfo=UTC) + timedelta(hours=hour), 1)
    digest = content.compose(subscribed(reader(owner), owner), period, [owner], NOW)
    assert digest is not None
    assert digest.figures[0].value == "25"
