"""Lists of each kind: own columns and filters, visibility, number of queries."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.admin.events import KindAdmin, admin_of
from events.kinds import KINDS
from tests.admin.conftest import filed, html_of, many
from tests.sending import AVAILITY, Sender, file_all, log_event, message, now_ms
from tests.wire import samples

LIMIT = 15  # queries of a list page, including session, person and memberships


def of_kind(kind: str) -> str:
    return f"/admin/events/{KINDS[kind].model._meta.model_name}/"


def rows(html: str, kind: str) -> list[str]:
    return re.findall(rf'<th[^>]*><a href="{of_kind(kind)}([0-9a-f-]+)/change/', html)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_list_with_its_own_columns(kind: str, team_a: Sender, alice: Client) -> None:
    if kind == "ui_action":
        team_a.post(AVAILITY, message(owner="Team A"))
        file_all()
    elif kind in samples.SUNBIRD:
        filed(team_a, samples.complete(kind, ms=now_ms(), mid="one"))
    html = html_of(alice, of_kind(kind))
    assert len(rows(html, kind)) == (0 if kind == "emitted_event" else 1)
    if kind != "emitted_event":
        for column in KINDS[kind].model.columns()[:1]:
            assert f'name="{column.attname}"' in html or column.get_internal_type() in ("JSONField", "Texts")
    else:
        assert "No emitted_event events yet" in html


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_column_names_do_not_clash_with_other_parameters_of_the_list(kind: str) -> None:
    names = [each.parameter_name for each in admin_of(KINDS[kind]).list_filter]
    assert len(set(names)) == len(names)
    assert not {"q", "after", "before", "format", "e", "o", "p"} & set(names)


def test_a_list_of_a_kind_shows_only_events_the_member_may_see(
    team_a: Sender, team_b: Sender, alice: Client, bob: Client, operator: Client, charlie: Client
) -> None:
    mine = filed(team_a, *many(2, "app of A"))
    theirs = filed(team_b, *many(3, "app of B"))
    path = of_kind("log")
    assert [len(rows(html_of(who, path), "log")) for who in (alice, bob, operator)] == [2, 3, 5]
    assert "app of B" not in html_of(alice, path)
    assert charlie.get(path).status_code == 403
    assert alice.get(f"{path}{mine.pk}/change/").status_code == 200
    assert alice.get(f"{path}{theirs.pk}/change/").status_code == 302
    assert rows(html_of(alice, f"{path}?owner={theirs.owner_id}"), "log") == []
    assert rows(html_of(alice, f"{path}?q={theirs.pk}"), "log") == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("level=INFO", 1),
        ("level=ERROR", 1),
        ("level=WARN", 0),
        ("level=%00", 0),
        ("level=ERROR&actor=u1", 1),
        ("session=s1", 2),
        ("period=today", 2),
        ("until=2020-01-01T00:00", 0),
        ("q=one", 1),
        ("message=Hello", 0),
        ("message__contains=a", 1),
        ("level__in=INFO,ERROR&environment=home", 2),
        ("extra.edata.x__isnull=no", 0),
        ("context.sid=s1&level=ERROR", 1),
        ("id__gte=x", 0),
    ],
)
def test_filters_narrow_the_list_of_a_kind(team_a: Sender, alice: Client, query: str, count: int) -> None:
    context = {"channel": "c1", "env": "home", "pdata": {"id": "portal"}, "sid": "s1"}
    filed(
        team_a,
        log_event("one", context=context, edata={"type": "t", "level": "INFO", "message": "a"}),
        log_event("two", context=context, edata={"type": "t", "level": "ERROR", "message": "b"}),
    )
    assert len(rows(html_of(alice, f"{of_kind('log')}?{query}"), "log")) == count


def test_numbers_and_times_are_shown_and_can_be_filtered(team_a: Sender, alice: Client) -> None:
    filed(team_a, samples.complete("impression", ms=now_ms(), mid="i1"))
    event = KINDS["impression"].model._default_manager.get()
    duration = getattr(event, "duration", None)
    path = of_kind("impression")
    assert len(rows(html_of(alice, f"{path}?duration={duration}"), "impression")) == 1
    assert rows(html_of(alice, f"{path}?duration=-1"), "impression") == []
    assert rows(html_of(alice, f"{path}?duration=much"), "impression") == []
    assert "Page id" in html_of(alice, path)


def test_paging_through_a_kind_shows_each_event_once(
    team_a: Sender, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KindAdmin, "list_per_page", 3)
    filed(team_a, *many(8))
    found: list[str] = []
    path: str | None = of_kind("log")
    while path:
        html = html_of(alice, path)
        found += rows(html, "log")
        following = re.search(r'rel="next" href="([^"]+)"', html)
        path = of_kind("log") + following[1].replace("&amp;", "&") if following else None
    assert len(found) == len(set(found)) == 8
    assert found == sorted(found, reverse=True)


def test_an_events_page_links_back_to_the_list_of_its_kind(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, log_event())
    kept = "_changelist_filters=level%3DINFO"
    html = html_of(alice, f"{of_kind('log')}{event.pk}/change/?{kept}")
    assert f'href="{of_kind("log")}?level=INFO"' in html
    assert "All log events" in html


def test_a_list_of_a_kind_takes_the_same_number_of_queries_for_any_length(
    team_a: Sender, alice: Client
) -> None:
    costs = []
    for events in (many(1), many(30)):
        filed(team_a, *events)
        with CaptureQueriesContext(connection) as captured:
            html_of(alice, of_kind("log"))
        costs.append(len(captured))
    assert costs[0] == costs[1] <= LIMIT


def test_kinds_are_in_the_navigation(team_a: Sender, alice: Client, charlie: Client) -> None:
    assert f'href="{of_kind("log")}"' in html_of(alice, "/admin/")
    assert f'href="{of_kind("log")}"' not in html_of(charlie, "/admin/")
