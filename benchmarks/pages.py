"""Pages with much stored against little stored: seconds until the answer. Here: the admin's and the API's.

In process, by Django's test client, turn by turn: what differs between the two is the database alone.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles

from django.contrib.auth import get_user_model
from django.test import Client

from benchmarks import databases, fill
from events.event import Event
from events.ownership.owner import Membership, Owner, Role
from events.sessions.session import Session
from ingestion.rejected.event import RejectedEvent

SMALL_EVENTS = 100_000
TO_REACH, TO_REACH_MS = 1.5, 300
TIMES = 12  # each page is asked for, of each database, after two to be warm
_USER = "bench-reader"

Path = str
Paths = Callable[[Event], dict[str, Path]]  # what is measured, by name, given some event


def measure(database: str, stored: int, paths: Paths, derive: Callable[[], None] = lambda: None) -> None:
    """Print p50 and p95 of each page, in ms, beside few and beside the `stored` events of a database.

    `derive` makes what the pages read, in each database, where it is missing.
    """
    sizes = {
        databases.SMALL: fill.fill(databases.SMALL, SMALL_EVENTS),
        database: fill.fill(database, stored),
    }
    for name in sizes:
        with databases.using(name):
            databases.unhurried()
            derive()
    asked = {name: prepared(name, paths) for name in sizes}
    print(f"\nPages, ms (p50, p95), with {sizes[database]:,} stored beside {sizes[databases.SMALL]:,}")
    print(f"  to reach: at most {TO_REACH} times, and under {TO_REACH_MS} ms")
    for label in asked[databases.SMALL]:
        taken: dict[str, list[float]] = {name: [] for name in sizes}
        for turn in range(TIMES + 2):
            for name in list(sizes)[:: 1 if turn % 2 else -1]:
                with databases.served(name):
                    seconds = _seconds(asked[name][label])
                if turn >= 2:
                    taken[name].append(seconds)
        _report(label, taken[databases.SMALL], taken[database])


def _report(label: str, small: list[float], large: list[float]) -> None:
    (small_50, small_95), (large_50, large_95) = _p(small), _p(large)
    ratio = large_50 / small_50
    mark = "" if ratio <= TO_REACH and large_95 <= TO_REACH_MS else "  <--"
    print(
        f"  {label:<42}{large_50:>7.0f} {large_95:>6.0f}   beside {small_50:>6.0f} {small_95:>6.0f}"
        f"   {ratio:5.2f}{mark}",
        flush=True,
    )


def _p(seconds: list[float]) -> tuple[float, float]:
    """Median and 95th percentile, in ms."""
    return median(seconds) * 1000, quantiles(seconds, n=20)[-1] * 1000


def _seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def prepared(database: str, paths: Paths) -> dict[str, Callable[[], object]]:
    """The requests to measure, by name, for an operator and for the lead of one owner of a database."""
    with databases.using(database):
        sample = Event.objects.filter(kind="interact", session__isnull=False).order_by("-id")[5_000]
        operator = _client(f"{_USER}-operator", is_operator=True)
        lead = _client(f"{_USER}-lead", owner=sample.owner)
        return {
            f"{who}: {label}": partial(_get, client, path)
            for who, client in (("operator", operator), ("lead", lead))
            for label, path in paths(sample).items()
        }


def _client(name: str, *, is_operator: bool = False, owner: Owner | None = None) -> Client:
    users = get_user_model().objects
    user, _ = users.get_or_create(
        username=name, defaults={"is_staff": True, "is_superuser": is_operator, "is_active": True}
    )
    if owner:
        Membership.objects.get_or_create(user=user, owner=owner, defaults={"role": Role.LEAD})
    client = Client()
    client.force_login(user)
    return client


def _get(client: Client, path: Path) -> None:
    response = client.get(path)
    assert response.status_code == 200, (path, response.status_code)


def lists(event: Event) -> dict[str, Path]:
    """What is measured: the lists under each filter, pages of one, and the same by the API."""
    day = f"{event.occurred_at:%Y-%m-%d}"
    events, api = "/admin/events/event/", "/api/v1"
    session = Session.objects.of_event(event).first()
    found = {
        "events": events,
        "events, older": f"{events}?after={event.pk}",
        "events of an owner": f"{events}?owner={event.owner_id}",
        "events of a source": f"{events}?source={event.source_id}",
        "events of a kind": f"{events}?kind=interact",
        "events of a rare kind": f"{events}?kind=search",
        "events of a dialect": f"{events}?dialect=buildless",
        "events of 7 days": f"{events}?period=7d",
        "events of a session": f"{events}?session={event.session}",
        "events of an actor": f"{events}?actor={event.actor}",
        "events of a device": f"{events}?device={event.device}",
        "search by id": f"{events}?q={event.pk}",
        "search by session": f"{events}?q={event.session}",
        "search in unknown keys": f"{events}?q=theme:dark&since={day}&until={day}",
        "page of an event": f"{events}{event.pk}/change/",
        "interact events": "/admin/events/interact/",
        "error events": "/admin/events/error/",
        "sessions": "/admin/events/session/",
        "API: events": f"{api}/events/",
        "API: events of a kind": f"{api}/events/?kind=interact",
        "API: as they arrived": f"{api}/events/?ordering=received_at",
        "API: an event": f"{api}/events/{event.pk}/",
        "API: interact": f"{api}/kinds/interact/",
        "API: sessions": f"{api}/sessions/",
    }
    if session:
        found["page of a session"] = f"/admin/events/session/{session.pk}/change/"
    if RejectedEvent.objects.exists():
        found["rejected events"] = "/admin/ingestion/rejectedevent/"
    return found
