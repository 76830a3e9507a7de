"""Tries every method on every address, and posts another owner's values as strangers and with keys."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from events.exports.jobs import ExportJob
from events.ownership.api_key import ApiKey, KeyType, Permission
from events.ownership.source import Source
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from tests.security import foreign
from tests.security.routes import NOT_POSTED, Route, routes
from tests.security.walkers import KEY_RIGHTS, MANAGING, walker, without_navigation
from tests.security.world import MINE, THEIRS, Side, tells, world
from tests.sending import MakeSender

METHODS = ("put", "patch", "delete")
REFUSALS = (400, 401, 403, 404, 405, 415)
KINDS_OF_KEY = tuple(KEY_RIGHTS)


@pytest.fixture
def sides(make_sender: MakeSender) -> Iterator[dict[str, Side]]:
    """Two owners. Pages are rendered without navigation, which test_walk.py covers."""
    with without_navigation():
        yield world(make_sender)


def addresses(prefix: str, about: Side) -> Iterator[tuple[Route, str]]:
    """Yield one address per route, about rows of one owner."""
    for route in routes():
        if route.pattern.startswith(prefix) and route.pattern not in NOT_POSTED:
            yield route, route.paths(about)[0]


def snapshots(sides: dict[str, Side]) -> dict[str, list[str]]:
    """Return all that is stored of each owner, except for the last use of keys, which requests change."""
    ApiKey.objects.update(last_used_at=None)
    return {word: side.snapshot() for word, side in sides.items()}


def told(asked: str, answer: tuple[int, str], side: Side) -> list[str]:
    status, body = answer
    assert status < 500, asked
    return [f"{asked} ({status}): {hit}" for hit in tells(body, side, asked)]


@pytest.mark.parametrize("who", ["lead", "secret key", "member of nothing", "anonymous"])
def test_the_api_refuses_put_patch_and_delete(who: str, sides: dict[str, Side]) -> None:
    one, before = walker(who, sides), snapshots(sides)
    for about in sides.values():
        for _, path in addresses("api/v1/", about):
            for method in METHODS:
                if (who, about, method) == ("lead", sides[MINE], "delete") and path in owned(about):
                    continue
                status, _ = one.ask(path, method)
                assert status in REFUSALS, (method, path, status)
    assert snapshots(sides) == before


def owned(about: Side) -> set[str]:
    """Return the addresses of exports that the owner's lead requested, and may delete."""
    return {f"/api/v1/exports/{job.pk}/" for job in about.rows(ExportJob)}


@pytest.mark.parametrize("method", METHODS)
def test_pages_change_nothing_by_put_patch_or_delete(method: str, sides: dict[str, Side]) -> None:
    one, before, found = walker("lead", sides), snapshots(sides), []
    for prefix in ("admin/", "reports/", "mail/"):
        for _, path in addresses(prefix, sides[THEIRS]):
            asked = f"{method} {path}"
            found += told(asked, one.ask(path, method), sides[THEIRS])
    assert found == [], "\n".join(found[:20])
    assert snapshots(sides) == before


@pytest.mark.parametrize("prefix", ["admin/", "reports/", "api/v1/"])
def test_posts_by_a_person_without_memberships_change_nothing(prefix: str, sides: dict[str, Side]) -> None:
    one, before, found = walker("member of nothing", sides), snapshots(sides), []
    posted = foreign.values(sides[THEIRS])
    for _, path in addresses(prefix, sides[THEIRS]):
        if path != "/admin/":
            answer = one.ask(path, "post", **posted)
            found += [each for side in sides.values() for each in told(path, answer, side)]
    assert found == [], "\n".join(found[:20])
    assert snapshots(sides) == before


@pytest.mark.parametrize("who", KINDS_OF_KEY)
def test_no_key_reaches_another_owners_rows_by_posting_their_ids(who: str, sides: dict[str, Side]) -> None:
    mine, theirs = sides[MINE], sides[THEIRS]
    one = walker(who, sides)
    before, jobs = theirs.snapshot(), set(ReplayJob.objects.values_list("pk", flat=True))
    rejected = theirs.rows(RejectedEvent)[0]
    wanted: list[dict[str, Any]] = [
        {"ids": [rejected.pk]},
        {"owner": theirs.owner.name},
        {"source": rejected.source.name},
        {"owner": mine.owner.name, "ids": [rejected.pk]},
        {"all": True, "ids": [rejected.pk]},
    ]
    found, values = [], all_foreign(theirs)
    for about in sides.values():
        for route, path in addresses("api/v1/", about):
            if who == MANAGING:
                wanted = [{name: values[name] for name in named_in_body(route) if name in values}]
                methods = ("get", *METHODS) if about is theirs else ("get",)
                found += [hit for each in methods for hit in told(path, one.ask(path, each), theirs)]
            for each in wanted:
                answer = one.send(path, json.dumps(each))
                found += told(f"{path} {json.dumps(each)}", answer, theirs)
    assert found == [], "\n".join(found[:20])
    made = ReplayJob.objects.exclude(pk__in=jobs)
    replays = set(KEY_RIGHTS[who]) == {Permission.WRITE, Permission.READ}
    assert replays == made.exists(), "to replay, a key must read and write"
    assert not made.exclude(total=0).exists(), "no events of other owners are counted"
    made.delete()  # their descriptions contain the requested names
    assert theirs.snapshot() == before


def all_foreign(theirs: Side) -> dict[str, Any]:
    """Values of another owner for all that bodies name."""
    return foreign.values(theirs) | {
        **{"owner": theirs.owner.name, "owners": [theirs.owner.name], "first_month": "2026-01-01"},
        **{"amount": "1", "url": "https://hacked.example/", "what": "events", "filter": "", "fields": ""},
        **{"address": f"{theirs.word}@example.org", "into": theirs.rows(Source)[0].pk, "expires_at": None},
    }


def named_in_body(route: Route) -> list[str]:
    """Return the fields of the bodies that an endpoint accepts."""
    body = getattr(route.view, "body", None)
    return list(body().fields) if body else []


def test_a_key_does_not_log_in_to_the_admin(sides: dict[str, Side]) -> None:
    one, before = walker("key that reads and writes", sides), snapshots(sides)
    posted = foreign.values(sides[THEIRS])
    for _, path in addresses("admin/", sides[MINE]):
        for answer in (one.ask(path), one.ask(path, "post", **posted)):
            assert [hit for side in sides.values() for hit in told(path, answer, side)] == []
    assert snapshots(sides) == before


def test_keys_of_these_tests_have_the_rights_in_their_names(sides: dict[str, Side]) -> None:
    for who in KINDS_OF_KEY:
        walker(who, sides)
    made = ApiKey.objects.filter(name__startswith="walks as ")
    assert {key.name: (key.type, key.permissions) for key in made} == {
        f"walks as {who}": (KeyType.SECRET, rights) for who, rights in KEY_RIGHTS.items()
    }
