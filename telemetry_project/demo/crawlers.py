"""The demo's bots: a search engine that crawls the portal, and a browser test that checks it (Sunbird)."""

import random
from collections.abc import Iterator

from telemetry_project.demo.applications import PORTAL
from telemetry_project.demo.learning import Visit, visit
from telemetry_project.demo.people import PLACES, Person
from telemetry_project.demo.posting import Post, Sunbird
from telemetry_project.demo.rhythm import Period

CHANNEL = "demo-schools"
PAGES = ("home", "course-detail", "results", "profile")
CHECKS = 0.3  # share of the visits that are the test's


def _bot(name: str, system: str, browser: str, version: str, user_agent: str) -> Person:
    return Person(
        id=name,
        place=PLACES[-1],
        device=name,
        system=system,
        make="Desktop",
        agent=browser,
        agent_version=version,
        joined=0,
        campaign=False,
        clock_ahead_ms=0,
        lag_ms=0,
        user_agent=user_agent,
    )


CRAWLER = _bot(
    "crawler",
    "Linux",
    "Googlebot",
    "2.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)
CHECK = _bot(
    "portal-check",
    "Linux",
    "HeadlessChrome",
    "126.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " HeadlessChrome/126.0.0.0 Safari/537.36",
)


def visits(rng: random.Random, sender: Sunbird, period: Period, budget: int) -> Iterator[Post]:
    """Send visits of both bots, at any hour, until the budget of events is spent."""
    while sender.events < budget:
        began = period.since + rng.randrange(period.until - period.since)
        is_check = rng.random() < CHECKS
        bot = CHECK if is_check else CRAWLER
        release = PORTAL.release_at(period, began)
        pdata = {"id": PORTAL.source, "ver": release.version, "pid": "portal.web"}
        session = Visit(rng, bot, began, pdata, CHANNEL)
        session.errors = release.errors
        if is_check:
            visit(session)
        else:
            _crawl(session)
        yield from sender.posts(session.events, sent_from=bot.sent_from())


def _crawl(session: Visit) -> None:
    """Load a few pages, one after the other, and use nothing on them."""
    session.actor = {"id": "anonymous", "type": "User"}
    for page in session.rng.choices(PAGES, k=session.rng.randint(2, 7)):
        session.show(page, "view")
