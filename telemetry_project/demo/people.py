"""The people of the demo: where they live, which device they have, how often they come back."""

import random
from typing import NamedTuple
from uuid import UUID

from telemetry_project.demo.rhythm import Period


class Place(NamedTuple):
    """A location. The offset to UTC is the one in winter, which is accurate enough for the rhythm."""

    zone: str
    offset_minutes: int
    country: str
    region: str
    town: str
    latitude: float
    longitude: float


PLACES = (
    Place("Asia/Kolkata", 330, "IN", "Karnataka", "Bengaluru", 12.97, 77.59),
    Place("Asia/Kolkata", 330, "IN", "Maharashtra", "Pune", 18.52, 73.86),
    Place("Europe/Berlin", 60, "DE", "Berlin", "Berlin", 52.52, 13.41),
    Place("Africa/Nairobi", 180, "KE", "Nairobi", "Nairobi", -1.29, 36.82),
    Place("America/Sao_Paulo", -180, "BR", "São Paulo", "Campinas", -22.91, -47.06),
    Place("America/New_York", -300, "US", "New York", "Rochester", 43.16, -77.61),
    Place("America/Chicago", -360, "US", "Texas", "Austin", 30.27, -97.74),
)
LEARNERS_LIVE = (30, 20, 12, 10, 10, 6, 4)
OFFICES_ARE = (0, 0, 0, 0, 0, 60, 40)
BUILDERS_LIVE = (20, 5, 30, 0, 5, 20, 20)

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"
# System, manufacturer, browser, its version, and its user agent.
DEVICES = (
    (
        *("Android 14", "Pixel 8", "Chrome Mobile", "126.0"),
        f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_CHROME}126.0.0.0 Mobile Safari/537.36",
    ),
    (
        *("Android 12", "Galaxy A13", "Chrome Mobile", "124.0"),
        f"Mozilla/5.0 (Linux; Android 12; SM-A135F) {_CHROME}124.0.0.0 Mobile Safari/537.36",
    ),
    (
        *("Windows 11", "Desktop", "Edge", "125.0"),
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME}125.0.0.0 Safari/537.36 Edg/125.0.0.0",
    ),
    (
        *("macOS 14", "MacBook Air", "Safari", "17.5"),
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/17.5 Safari/605.1.15",
    ),
    (
        *("Ubuntu 22.04", "Desktop", "Firefox", "127.0"),
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    ),
)


class Person(NamedTuple):
    """A returning person."""

    id: str
    place: Place
    device: str
    system: str
    make: str
    agent: str
    agent_version: str
    joined: int  # milliseconds since 1970; not seen before
    campaign: bool  # came by the campaign
    clock_ahead_ms: int  # how far the device's clock is off
    lag_ms: int  # how long after a release the device has it
    user_agent: str = ""

    def sent_from(self) -> dict[str, str]:
        """Return what a request says about all its events: user agent, and location of its address."""
        place = self.place
        found = {"user_agent": self.user_agent, "country": place.country, "region": place.region}
        return found | {"locality": place.town, "timezone": place.zone}


class Crowd:
    """A group of people, a few of whom come often and most rarely."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.weights = [1 / (rank + 3) ** 0.7 for rank in range(len(people))]

    def draw(self, rng: random.Random) -> Person:
        """Return a random person."""
        (person,) = rng.choices(self.people, self.weights)
        return person


def crowd(
    rng: random.Random, count: int, lives: tuple[int, ...], period: Period, campaign_from: int | None = None
) -> Crowd:
    """Return a crowd of `count` people. One in ten came by the campaign, if there is one."""
    return Crowd([_person(rng, index, lives, period, campaign_from) for index in range(count)])


def _person(
    rng: random.Random, index: int, lives: tuple[int, ...], period: Period, campaign_from: int | None
) -> Person:
    (place,) = rng.choices(PLACES, lives)
    # Four in five came before the period began.
    joined = period.since if rng.random() < 0.8 else period.at(rng.random() * 0.9)
    by_campaign = False
    if campaign_from is not None and index % 10 == 7:
        joined, by_campaign = campaign_from, True
    system, make, agent, agent_version, user_agent = rng.choice(DEVICES)
    return Person(
        id=str(UUID(int=rng.getrandbits(128), version=4)),
        place=place,
        device=f"{rng.getrandbits(128):032x}",
        system=system,
        make=make,
        agent=agent,
        agent_version=agent_version,
        joined=joined,
        campaign=by_campaign,
        clock_ahead_ms=rng.choice((420_000, -95_000)) if index % 17 == 11 else 0,
        lag_ms=int(rng.random() * (period.until - period.recent.since) * 0.1),
        user_agent=user_agent,
    )
