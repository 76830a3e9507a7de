"""Filters of the API that are documented as indexed: milliseconds until the answer."""

import time
from datetime import timedelta
from statistics import median

from benchmarks import databases, fill, pages
from events.event import Event
from events.sessions.session import Session

TIMES = 10  # after two to be warm
TO_REACH_MS = 300


def measure(database: str, stored: int) -> None:
    """Print the median and the longest time of each filter, beside `stored` events."""
    events = fill.fill(database, stored)
    print(f"\nIndexed filters of the API with {events:,} events stored, ms (to reach: {TO_REACH_MS})")
    requests = pages.prepared(database, paths)
    with databases.served(database):
        for label, ask in requests.items():
            taken = []
            for _ in range(TIMES + 2):
                began = time.perf_counter()
                ask()
                taken.append((time.perf_counter() - began) * 1000)
            longest = max(taken[2:])
            mark = "" if longest <= TO_REACH_MS else "  <--"
            print(f"  {label:<60}{median(taken[2:]):>7.0f}{longest:>7.0f}{mark}", flush=True)


def paths(event: Event) -> dict[str, str]:
    """Return the lists with each indexed filter, by name."""
    day = f"{event.occurred_at:%Y-%m-%dT00:00:00Z}"
    after = f"{event.occurred_at + timedelta(days=1):%Y-%m-%dT00:00:00Z}"
    of_day = f"occurred_after={day}&occurred_before={after}"
    events, sessions = "/api/v1/events/", "/api/v1/sessions/"
    found = {
        "events, owner": f"{events}?owner={event.owner.name}",
        "events, session": f"{events}?session={event.session}",
        "events, id": f"{events}?id={event.pk}",
        "events, id__in": f"{events}?id__in={event.pk},{event.pk}",
        "events, id__lt": f"{events}?id__lt={event.pk}",
        "events, a day": f"{events}?occurred_at__gte={day}&occurred_at__lt={after}",
        "events, owner and a day": f"{events}?owner={event.owner.name}&{of_day}",
        "interact, a day": f"/api/v1/kinds/interact/?{of_day}",
        "sessions, owner": f"{sessions}?owner={event.owner.name}",
        "sessions, a day": f"{sessions}?since={day}&until={after}",
        "rejected, owner": f"/api/v1/rejected/?owner={event.owner.name}",
    }
    session = Session.objects.of_event(event).first()
    if session is not None:
        for name in ("session", "actor", "device"):
            found[f"sessions, {name}"] = f"{sessions}?{name}={getattr(session, name)}"
    return found
