"""Tests of every registered report page. A new page is included automatically."""

from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.accounts.audit import AuditEntry
from reports.pages.page import Page
from reports.pages.registry import PAGES
from tests.admin.conftest import html_of, many
from tests.reports.asked import ODD, arrived, counted, csv_of, file_of
from tests.sending import Sender
from tests.spreadsheets.reading import read_by_all

LIMIT = 33  # queries of a page, including session, person and memberships
EVERY = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
FOR_MEMBERS = pytest.mark.parametrize(
    "page", [page for page in PAGES if not page.operators_only], ids=lambda page: page.name
)


class Tables(HTMLParser):
    """Collects a page's links to files, and the number of rows in each block's table."""

    def __init__(self) -> None:
        super().__init__()
        self.block = ""
        self.rows: dict[str, int] = {}
        self.files: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        if tag == "section" and "tally-block" in (found.get("class") or "").split():
            self.block = found["id"]
        elif tag == "a" and "download" in found and self.block:
            self.files.setdefault(self.block, []).append(found["href"])
        elif tag == "tr" and self.block:
            self.rows[self.block] = self.rows.get(self.block, -1) + 1


def path_of(page: Page) -> str:
    return reverse(f"reports:{page.name}")


@EVERY
def test_a_page_works_without_data(page: Page, operator: Client) -> None:
    html = html_of(operator, path_of(page))
    assert 'class="tally-sentence"' in html
    assert "None" not in html.partition("<main")[2]


@EVERY
@pytest.mark.parametrize("odd", ODD)
def test_a_page_handles_odd_parameters(page: Page, odd: str, team_a: Sender, operator: Client) -> None:
    counted(team_a)
    assert 'class="tally-sentence"' in html_of(operator, f"{path_of(page)}?{odd}")


@EVERY
def test_a_page_takes_a_fixed_number_of_queries(page: Page, team_a: Sender, operator: Client) -> None:
    asked = []
    for number in (1, 12):
        for place in range(number):
            arrived(team_a, *many(2, f"app {number} {place}"))
        with CaptureQueriesContext(connection) as captured:
            html_of(operator, path_of(page))
        asked.append([sql["sql"] for sql in captured.captured_queries])
    assert len(asked[0]) == len(asked[1]) <= LIMIT, "\n".join(asked[1])


@EVERY
def test_files_have_the_rows_of_their_table(page: Page, team_a: Sender, operator: Client) -> None:
    arrived(team_a, *many(3))
    tables = Tables()
    tables.feed(html_of(operator, f"{path_of(page)}?zone=Europe/Berlin"))
    for block, hrefs in tables.files.items():
        assert [f"{form}={block}" in href for form, href in zip(("csv", "xlsx"), hrefs, strict=True)] == [
            True
        ] * 2
        heads = []
        for form, href in zip(("csv", "xlsx"), hrefs, strict=True):
            head, *rows = read_by_all(file_of(operator, unescape(href)), form)
            assert len(rows) == tables.rows[block], (block, form)
            heads.append(head)
        assert [name for name in heads[1] if name in heads[0]] == heads[0], (
            "XLSX additionally has times in UTC"
        )


def test_the_audit_trail_notes_a_download(team_a: Sender, alice: Client) -> None:
    arrived(team_a, *many(3))
    csv_of(alice, f"{path_of(PAGES[0])}?csv=sources&period=30d&version=2")
    note = AuditEntry.objects.get(action="export.made")
    assert (note.actor_name, note.about) == ("alice", "At a glance, sources, as CSV")
    assert (note.owner, note.after) == (team_a.key.default_owner, {"period": "30d", "version": "2"})


def test_owner_and_period_are_kept_in_links_between_reports_and_lists(
    team_a: Sender, operator: Client
) -> None:
    owner = team_a.key.default_owner.pk
    navigation = html_of(operator, f"{path_of(PAGES[0])}?owner={owner}&period=this_month").partition("<main")[
        0
    ]
    for listed in ("event", "session", "log"):
        assert f'href="/admin/events/{listed}/?owner={owner}&amp;period=month"' in navigation
    navigation = html_of(operator, f"/admin/events/log/?owner={owner}&period=month&level=INFO").partition(
        "<main"
    )[0]
    assert f'href="{path_of(PAGES[1])}?owner={owner}&amp;period=this_month"' in navigation
    assert f'href="/admin/events/session/?owner={owner}&amp;period=month"' in navigation


@EVERY
def test_an_unknown_table_is_not_found(page: Page, operator: Client) -> None:
    for form in ("csv", "xlsx"):
        assert operator.get(f"{path_of(page)}?{form}=nothing").status_code == 404


@EVERY
def test_strangers_are_told_whom_to_ask(page: Page, charlie: Client, client: Client) -> None:
    answer = charlie.get(path_of(page))
    assert answer.status_code == 403
    assert "Ask the lead of your team, or an operator" in answer.content.decode()
    assert "/admin/login/" in client.get(path_of(page)).headers["Location"]
    assert path_of(page) not in html_of(charlie, "/admin/")


@FOR_MEMBERS
def test_members_see_the_page_without_data_of_others(
    page: Page, team_a: Sender, team_b: Sender, alice: Client
) -> None:
    arrived(team_a, *many(3, "app of A"))
    arrived(team_b, *many(3, "secret app of B"))
    html = html_of(alice, path_of(page))
    assert "secret app of B" not in html
    others = team_b.key.default_owner
    assert "or you may not see it" in html_of(alice, f"{path_of(page)}?owner={others.pk}")


@EVERY
def test_pages_for_operators_are_hidden_from_leads(page: Page, lead: Client, operator: Client) -> None:
    assert lead.get(path_of(page)).status_code == (403 if page.operators_only else 200)
    assert (path_of(page) in html_of(lead, "/admin/")) is not page.operators_only
    assert path_of(page) in html_of(operator, "/admin/")


@EVERY
def test_a_page_has_no_inline_scripts_and_links_keep_filters(page: Page, operator: Client) -> None:
    response = operator.get(f"{path_of(page)}?period=30d&zone=Asia/Kathmandu")
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    html = response.content.decode()
    assert "<script>" not in html
    assert "?period=30d&amp;zone=Asia%2FKathmandu" in html.partition("<main")[0]
    assert "Asia/Kathmandu" in html_of(operator, path_of(PAGES[0])), "the zone is remembered"
