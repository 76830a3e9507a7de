"""Names, pages and codes from telemetry are escaped in all parts of a digest: headers, HTML, links, CSV."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from events.store.silent import SilentSource
from reports.digests.content import digest_of
from reports.digests.facts import Facts, filters_for
from reports.digests.locales import LOCALES
from reports.digests.rendering import render_digest
from reports.figures import errors, overview
from reports.mail.message import MailContent, build_message
from reports.periods import DAY, Period
from tests.digests.telling import NOW, YESTERDAY
from tests.digests.test_mail import HOSTILE, Reading
from tests.spreadsheets.reading import rows_of, xlsx_rows

DAY_OF = Period(date(2026, 11, 19), date(2026, 11, 19) + DAY, ZoneInfo("UTC"))
TEXTS = (*HOSTILE, "=HYPERLINK(1)", "@SUM(A1)", "\t=1+1", 'quote " and, comma\nline', "long " * 10_000)
each_text = pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:20]))


def facts(text: str) -> Facts:
    """Return facts about a day on which every name is this text."""
    sums = overview.Sums(9, 3, 1, 1, 1, 4.0, 5.0, 12, 3)
    of_errors = errors.Sums(2, 1, 1, 3)
    group = errors.Group(text, text, 2, 1, YESTERDAY, YESTERDAY, 1, 1, (2,))
    silent = SilentSource(2, text, 1, YESTERDAY, 50, 41 * timedelta(hours=1))
    hours = (9, *(0 for _ in range(23)))
    return Facts(
        filters=filters_for(DAY_OF, [], NOW),
        names={1: text},
        sources={1: text, 2: text},
        overview=overview.Overview(
            sums, replace(sums, events=1), ((text, hours),), hours, None, hours, hours,
            (overview.Ranked(1, 9, 1),), 1, (silent,), (overview.Ranked(text, 9, 1),), None,
        ),
        errors=errors.Found(of_errors, of_errors, hours, None, hours, (), None, (group,), 1, (), ()),
        spending=None,
        written=LOCALES["en-gb"],
    )  # fmt: skip


@cache
def content(text: str) -> MailContent:
    """Return the mail about that day."""
    return render_digest(
        digest_of(facts(text), attach_csv=True), rhythm="daily", unsubscribe_url="https://tally.example/e"
    )


@each_text
def test_telemetry_adds_no_headers(text: str) -> None:
    message = build_message(content(text), to="ann@example.org", key="k", at=NOW)
    assert message["Bcc"] is None
    assert message["To"] == "ann@example.org"
    lines = message.as_bytes().split(b"\r\n\r\n", 1)[0].decode("ascii").split("\r\n")
    names = [line.partition(":")[0].lower() for line in lines if line[:1] not in (" ", "\t")]
    assert len(names) == len(set(names)) == 11
    assert len(message["Subject"]) <= 220


@each_text
def test_telemetry_adds_no_html_elements_or_links(text: str) -> None:
    html = Reading(content(text).html)
    assert {tag for tag, _ in html.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "table", "tr", "td", "th", "h1", "h2"),
        *("p", "span", "br", "a", "img"),
    }
    assert not [name for _, attributes in html.elements for name in attributes if name.startswith("on")]
    for said in (html.text, content(text).text):
        assert "http://evil" not in said
        assert not set("\u202e\u2066\ud800") & set(said)
    hosts = {urlsplit(link).netloc for link in html.links()}
    assert len(hosts - {"tally.example"}) == 1, "BASE_URL alone"
    for link in html.links():
        asked = parse_qs(urlsplit(link).query)
        assert set(asked) <= {"owner", "from", "to", "zone", "source", "error", "since", "until"}
        assert asked.get("from", ["2026-11-19"]) == ["2026-11-19"]


@each_text
def test_telemetry_adds_no_formulas_or_columns_to_csv(text: str) -> None:
    *files, book = content(text).attachments
    for file in files:
        rows = rows_of(file.content)
        assert len({len(row) for row in rows}) == 1, file.name
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+", "-", "\t", "\r"))]
        assert len(xlsx_rows(book.content, file.name.removesuffix(".csv"))) == len(rows)


@each_text
def test_sentences_stay_short(text: str) -> None:
    digest = digest_of(facts(text))
    assert digest.notices
    for sentence in (digest.summary, *(notice.sentence for notice in digest.notices)):
        assert len(sentence) < 220
