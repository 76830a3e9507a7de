"""The script of the demo: all posts of a period, in order of arrival."""

import random
from collections.abc import Iterator

from telemetry_project.demo import learning, sunbird
from telemetry_project.demo.builds import Builds
from telemetry_project.demo.catalogue import CAMPAIGN, ELIGIBILITY, MOBILE, PORTAL, Application
from telemetry_project.demo.home import BUILD_TOOLS, KEY_DELIVERY, LEARNING
from telemetry_project.demo.key_delivery import Desk
from telemetry_project.demo.learning import Visit, visit
from telemetry_project.demo.people import (
    BUILDERS_LIVE,
    LEARNERS_LIVE,
    OFFICES_ARE,
    Crowd,
    Person,
    Place,
    crowd,
)
from telemetry_project.demo.posting import Post, Sunbird
from telemetry_project.demo.rhythm import (
    BUILDING,
    HOUR_MS,
    OFFICE,
    Campaign,
    Pattern,
    Period,
    Rhythm,
    dice,
)
from telemetry_project.demo.rhythm import LEARNING as LEARNING_HOURS

# Shares of the events.
PORTAL_SHARE, MOBILE_SHARE, SERVICE_SHARE, DESK_SHARE, BOTS_SHARE = 0.34, 0.2, 0.1, 0.2, 0.02
EVENTS_PER_PERSON = 60


def posts(seed: int, period: Period, events: int) -> list[Post]:
    """Yield all posts, with about `events` events. The same arguments give the same posts."""
    every = [
        *_portal(seed, period, int(events * PORTAL_SHARE)),
        *_mobile(seed, period, int(events * MOBILE_SHARE)),
        *_service(seed, period, int(events * SERVICE_SHARE)),
        *_desk(seed, period, int(events * DESK_SHARE)),
        *_bots(seed, period, int(events * BOTS_SHARE)),
    ]
    rest = max(events - sum(post.events for post in every), events // 10)
    every += _builds(seed, period, rest)
    # Anything that would arrive after the end is still on its way.
    return sorted(
        (post for post in every if post.received_ms <= period.until), key=lambda post: post.received_ms
    )


class Rhythms:
    """The rhythm of each location, built once."""

    def __init__(self, period: Period, pattern: Pattern, campaign: Campaign | None = None) -> None:
        self.period = period
        self.pattern = pattern
        self.campaign = campaign
        self.made: dict[int, Rhythm] = {}

    def of(self, place: Place) -> Rhythm:
        """Return the rhythm for a location's time zone."""
        offset = place.offset_minutes
        if offset not in self.made:
            self.made[offset] = Rhythm(self.period, self.pattern, offset, self.campaign)
        return self.made[offset]


def _people_of(budget: int) -> int:
    return max(8, budget // EVENTS_PER_PERSON)


def _portal(seed: int, period: Period, budget: int) -> Iterator[Post]:
    rng = dice(seed, PORTAL.source)
    campaign = Campaign(period.recent.at(CAMPAIGN[0]), period.recent.at(CAMPAIGN[1]), 2.2)
    learners = crowd(rng, _people_of(budget), LEARNERS_LIVE, period, campaign.since)
    sender = Sunbird(rng, LEARNING, compress=False)
    yield from _visits(rng, PORTAL, learners, Rhythms(period, LEARNING_HOURS, campaign), sender, budget)


def _mobile(seed: int, period: Period, budget: int) -> Iterator[Post]:
    rng = dice(seed, MOBILE.source)
    learners = crowd(rng, _people_of(budget), LEARNERS_LIVE, period)
    # The application names its component in a header, once for the batch.
    sender = Sunbird(rng, LEARNING, compress=True, context={"pid": "mobile.android"})
    yield from _visits(rng, MOBILE, learners, Rhythms(period, LEARNING_HOURS), sender, budget)


def _visits(
    rng: random.Random, app: Application, learners: Crowd, rhythms: Rhythms, sender: Sunbird, budget: int
) -> Iterator[Post]:
    """Yield visits until the budget of events is spent."""
    period = rhythms.period
    while sender.events < budget:
        person = learners.draw(rng)
        began = rhythms.of(person.place).draw(rng)
        # The first visit includes every action, so it mustn't begin shortly before the end.
        full = sender.events == 0
        if began < person.joined or (full and began > period.at(0.7)):
            continue
        session = _visit(rng, app, person, began, period, full=full)
        # Some people learn offline. Their events arrive when they are online again.
        offline = session.mobile and not full and rng.random() < 0.12
        late = rng.randint(1, 30) * HOUR_MS if offline else 0
        yield from sender.posts(session.events, late - person.clock_ahead_ms, person.sent_from())


def _visit(
    rng: random.Random, app: Application, person: Person, began: int, period: Period, *, full: bool
) -> Visit:
    mobile = app is MOBILE
    release = app.release_at(period, began - person.lag_ms if mobile else began)
    pdata = {"id": app.source, "ver": release.version} | ({} if mobile else {"pid": "portal.web"})
    session = Visit(rng, person, began, pdata, "demo-schools")
    session.mobile, session.errors, session.full = mobile, release.errors, full
    if not mobile and rng.random() < 0.15:
        session.actor = {"id": "anonymous", "type": "User"}
    if person.campaign:
        session.correlation = [{"type": "Campaign", "id": "reading-week"}]
    visit(session)
    return session


def _service(seed: int, period: Period, budget: int) -> Iterator[Post]:
    rng = dice(seed, "services")
    sender = Sunbird(rng, LEARNING, compress=False)
    for events in sunbird.reports(rng, period, budget):
        yield from sender.posts(events)


def _desk(seed: int, period: Period, budget: int) -> Iterator[Post]:
    rng = dice(seed, ELIGIBILITY.source)
    desk = Desk(rng, KEY_DELIVERY, crowd(rng, _people_of(budget), OFFICES_ARE, period), period)
    rhythms = Rhythms(period, OFFICE)
    while desk.turn < budget:
        person = desk.crowd.draw(rng)
        yield from desk.session(rhythms.of(person.place), person)


def _bots(seed: int, period: Period, budget: int) -> Iterator[Post]:
    rng = dice(seed, "bots")
    yield from learning.bot_visits(rng, Sunbird(rng, LEARNING, compress=False), period, budget)


def _builds(seed: int, period: Period, budget: int) -> Iterator[Post]:
    rng = dice(seed, BUILD_TOOLS)
    builds = Builds(rng, BUILD_TOOLS, crowd(rng, _people_of(budget), BUILDERS_LIVE, period), period)
    rhythms = Rhythms(period, BUILDING)
    while builds.turn < budget:
        person = builds.crowd.draw(rng)
        yield from builds.build(rhythms.of(person.place), person)
