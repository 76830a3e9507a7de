"""Every method on every address; and values of another owner from strangers and from keys."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from events.exports.jobs import ExportJob
from events.ownership.api_key import ApiKey, KeyType, Permissions
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from tests.security import foreign
from tests.security.routes import NOT_POSTED, Route, routes
from tests.security.walkers import KEY_RIGHTS, walker, without_navigation
from tests.security.world import MINE, THEIRS, Side, tells, world
from tests.sending import MakeSender

METHODS = ("put", "patch", "delete")
REFUSALS = (400, 401, 403, 404, 405, 415)
KINDS_OF_KEY = tuple(KEY_RIGHTS)


@pytest.fixture
def sides(make_sender: MakeSender) -> Iterator[dict[str, Side]]:
    """Two owners. Pages come without their navigation, which the walk by GET looks at."""
    with without_navigation():
        yield world(make_sender)


def addresses(prefix: str, about: Side) -> Iterator[tuple[Route, str]]:
    """One address of each route, about what is one owner's."""
    for route in routes():
        if route.pattern.startswith(prefix) and route.pattern not in NOT_POSTED:
            yield route, route.paths(about)[0]


def snapshots(sides: dict[str, Side]) -> dict[str, list[str]]:
    """All that is kept of each owner, but for when keys were used: whoever asks with a key uses it."""
    ApiKey.objects.update(last_used_at=None)
    return {word: side.snapshot() for word, side in sides.items()}


def told(asked: str, answer: tuple[int, str], side: Side) -> list[str]:
    status, body = answer
    assert status < 500, asked
    return [f"{asked} ({status}): {hit}" for hit in tells(body, side, asked)]


@pytest.mark.parametrize("who", ["lead", "secret key", "member of nothing", "anonymous"])
def test_no_address_of_the_api_takes_put_patch_or_delete(who: str, sides: dict[str, Side]) -> None:
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
    """The addresses of exports that the lead of an owner requested, and so may delete."""
    return {f"/api/v1/exports/{job.pk}/" for job in about.rows(ExportJob)}


@pytest.mark.parametrize("method", METHODS)
def test_no_page_does_anything_by_put_patch_or_delete(method: str, sides: dict[str, Side]) -> None:
    one, before, found = walker("lead", sides), snapshots(sides), []
    for prefix in ("admin/", "reports/", "mail/"):
        for _, path in addresses(prefix, sides[THEIRS]):
            asked = f"{method} {path}"
            found += told(asked, one.ask(path, method), sides[THEIRS])
    assert found == [], "\n".join(found[:20])
    assert snapshots(sides) == before


@pytest.mark.parametrize("prefix", ["admin/", "reports/", "api/v1/"])
def test_who_belongs_to_nothing_posts_in_vain(prefix: str, sides: dict[str, Side]) -> None:
    one, before, found = walker("member of nothing", sides), snapshots(sides), []
    posted = foreign.values(sides[THEIRS])
    for _, path in addresses(prefix, sides[THEIRS]):
        if path != "/admin/":
            answer = one.ask(path, "post", **posted)
            found += [each for side in sides.values() for each in told(path, answer, side)]
    assert found == [], "\n".join(found[:20])
    assert snapshots(sides) == before


@pytest.mark.parametrize("who", KINDS_OF_KEY)
def test_no_key_reaches_what_is_anothers_by_posting_it(who: str, sides: dict[str, Side]) -> None:
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
    found = []
    for about in sides.values():
        for _, path in addresses("api/v1/", about):
            for each in wanted:
                answer = one.send(path, json.dumps(each))
                found += told(f"{path} {json.dumps(each)}", answer, theirs)
    assert found == [], "\n".join(found[:20])
    made = ReplayJob.objects.exclude(pk__in=jobs)
    assert (KEY_RIGHTS[who] == Permissions.BOTH) == made.exists(), "to replay, a key must read and write"
    assert not made.exclude(total=0).exists(), "nothing of theirs is counted"
    made.delete()  # their sentences say the names that were asked for
    assert theirs.snapshot() == before


def test_a_key_is_no_log_in(sides: dict[str, Side]) -> None:
    one, before = walker("key that reads and writes", sides), snapshots(sides)
    posted = foreign.values(sides[THEIRS])
    for _, path in addresses("admin/", sides[MINE]):
        for answer in (one.ask(path), one.ask(path, "post", **posted)):
            assert [hit for side in sides.values() for hit in told(path, answer, side)] == []
    assert snapshots(sides) == before


def test_the_keys_that_walk_have_the_rights_that_they_are_called_by(sides: dict[str, Side]) -> None:
    for who in KINDS_OF_KEY:
        walker(who, sides)
    made = ApiKey.objects.filter(name__startswith="walks as ")
    assert {key.name: (key.type, key.permissions) for key in made} == {
        f"walks as {who}": (KeyType.SECRET, rights) for who, rights in KEY_RIGHTS.items()
    }
