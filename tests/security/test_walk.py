"""Requests every URL, list, filter, search and form as every kind of person and key.

Routes come from the URL configuration, pages from the admin's registry and filters from the classes: new ones
are included automatically or fail as unknown.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from events.access import OPERATORS
from events.accounts.invitation import Invitation
from events.event import Event
from events.ownership.api_key import ApiKey
from events.ownership.owner import Owner
from tests.security import foreign, permissions
from tests.security.routes import NOT_POSTED, Route, questions, routes
from tests.security.walkers import (
    KEPT_BY_NAVIGATION,
    KEYS,
    LEADS,
    LIKE_OTHERS,
    SEES,
    walker,
    without_navigation,
)
from tests.security.world import MINE, THEIRS, Side, tells, world
from tests.sending import MakeSender

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"

# Values that forms require, so that a forbidden change would succeed.
FORM = {
    "post": "yes",
    "name": "hacked",
    "role": "lead",
    "validation": "strict",
    "revoke": "on",
    "over_quota": "refuse",
    "username": "hacked",
    "reason": "hacked",
    "confirm": "yes",
}
PEOPLE = ("lead of another owner",)  # the person who tries every filter of lists; keys do so in the API


@pytest.fixture
def sides(make_sender: MakeSender) -> dict[str, Side]:
    return world(make_sender)


@pytest.mark.parametrize("who", SEES)
def test_nobody_sees_or_changes_what_is_not_theirs(who: str, sides: dict[str, Side]) -> None:
    one = walker(who, sides)
    foreign = [each for word, each in sides.items() if word not in SEES[who]]
    unled = [each for word, each in sides.items() if who != "operator" and LEADS.get(who) != word]
    # Own pages are only opened; every filter and search is tried for another owner's.
    asked_about = [] if who in LIKE_OTHERS else foreign[:1]
    before = {each.word: each.snapshot() for each in unled}
    told: list[str] = []

    def ask(asked: str, method: str = "get", **data: str) -> None:
        status, body = one.ask(asked, method, **data)
        assert status < 500, asked
        told.extend(_told(asked, status, body, foreign))

    visited = [route for route in routes() if route.pattern != "admin/logout/"]
    asked_of_all = _unique(
        f"{path}?{question}"
        for route in visited
        for about in asked_about
        for path in route.paths(about)
        for question in questions(route, about, every_filter=who in (PEOPLE if route.view is None else KEYS))
        if question
    )
    navigated = _addresses(visited, [sides[word] for word in SEES[who][:1] or (MINE,)])
    for path in navigated:
        ask(path)
    for asked in asked_of_all:
        if asked.startswith(KEPT_BY_NAVIGATION):
            ask(asked)
    with without_navigation():
        for path in _addresses(visited, list(sides.values())):
            if path not in navigated:
                ask(path)
        for asked in asked_of_all:
            if not asked.startswith(KEPT_BY_NAVIGATION):
                ask(asked)
        assert told == [], "\n".join(told[:20])
        for path in _addresses(_posted(), unled):
            if path not in one.ways_out():
                ask(path, "post", **FORM)
    assert told == [], "\n".join(told[:20])
    for each in unled:
        changed = set(each.snapshot()) ^ set(before[each.word])
        assert not changed, f"{who} changed of {each.word}: {sorted(changed)[:4]}"


@pytest.mark.parametrize("who", ["lead", "viewer"])
def test_no_form_accepts_other_owners_rows_or_grants_rights(who: str, sides: dict[str, Side]) -> None:
    one, mine, theirs = walker(who, sides), sides[MINE], sides[THEIRS]
    posted, before, told = foreign.values(theirs), theirs.snapshot(), []
    paths = {path for route in _posted() for path in route.paths(mine)} - one.ways_out()
    with without_navigation():
        for path in sorted(paths, key=lambda each: ("/delete/" in each, each)):
            for asked in (path, f"{path}?{foreign.query(theirs)}"):
                status, body = one.ask(asked, "post", **posted)
                assert status < 500, asked
                told += _told(asked, status, body, [theirs])
                # The page after a redirect may reveal what the response didn't.
                if status == 302 and body.startswith("/admin/") and "logout" not in body:
                    status, body = one.ask(body.partition("?")[0])
                    told += _told(f"after {asked}", status, body, [theirs])
    assert told == [], "\n".join(told[:20])
    changed = set(theirs.snapshot()) ^ set(before)
    assert not changed, f"{who} changed: {sorted(changed)[:4]}"
    for user in User.objects.exclude(username__startswith=THEIRS):
        assert not user.is_superuser
        assert not user.groups.filter(name=OPERATORS).exists()
    wide = ApiKey.objects.filter(all_owners=True)
    assert not wide.exists()


def _told(asked: str, status: int, body: str, foreign: list[Side]) -> list[str]:
    return [f"{asked} ({status}): {hit}" for each in foreign for hit in tells(body, each, asked)]


def _addresses(visited: list[Route], sides: list[Side]) -> list[str]:
    """Return each address once: many are the same for both owners."""
    return _unique(path for route in visited for about in sides for path in route.paths(about))


def _unique(asked: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(asked))


def _posted() -> list[Route]:
    return [route for route in routes() if route.pattern not in NOT_POSTED]


@pytest.mark.parametrize("who", [who for who in SEES if SEES[who] == (MINE,)])
def test_members_see_their_own_data(who: str, sides: dict[str, Side]) -> None:
    one = walker(who, sides)
    lists = ["/api/v1/events/", "/api/v1/sessions/", "/api/v1/rejected/"]
    if who not in KEYS:
        lists += [f"/admin/events/{name}/" for name in ("event", "session", "owner", "membership", "apikey")]
        lists += ["/admin/events/source/", "/admin/ingestion/rejectedevent/"]
    for path in lists:
        status, body = one.ask(path)
        assert (status, bool(tells(body, sides[MINE], ""))) == (200, True), path


def test_the_permissions_page_is_up_to_date(sides: dict[str, Side]) -> None:
    with without_navigation():
        made = permissions.page(sides)
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "make docs-permissions"


def test_a_route_without_known_parameters_is_an_error(sides: dict[str, Side]) -> None:
    with pytest.raises(LookupError, match="Nobody knows how to visit"):
        Route("admin/secrets/<int:year>/<int:month>/", None).paths(sides[MINE])


def test_leaks_are_detected_except_for_echoed_parameters(sides: dict[str, Side]) -> None:
    theirs = sides[THEIRS]
    assert tells("<p>zebra-app</p>", theirs, "/admin/?q=acorn")
    assert tells("7,373,737 events", theirs, "/admin/")
    assert tells(str(theirs.rows(Event)[0].pk), theirs, "")
    assert not tells("nothing matches zebra-app", theirs, "/admin/?q=zebra-app")


def test_a_user_with_the_same_number_as_an_owner_is_not_taken_for_it(sides: dict[str, Side]) -> None:
    number = 10**6
    owner = Owner.objects.create(pk=number, organization=sides[MINE].owner.organization, name="another")
    other = replace(sides[THEIRS], owner=owner)
    before = other.snapshot()
    inviting = User.objects.create(pk=number, username="somebody")
    Invitation.objects.create(
        owner=sides[MINE].owner, email="a@example.org", invited_by=inviting, sent_at=timezone.now()
    )
    assert other.snapshot() == before
