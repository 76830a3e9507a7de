"""The people of the demo: where they live, which device is theirs, how often they come back."""

import random
from typing import NamedTuple
from uuid import UUID

from ingestion.demo.rhythm import Period


class Place(NamedTuple):
    """Where somebody is. The offset to UTC is that of winter: the rhythm needs no more."""

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

DEVICES = (
    ("Android 14", "Pixel 8", "Chrome Mobile", "126.0"),
    ("Android 12", "Galaxy A13", "Chrome Mobile", "124.0"),
    ("Windows 11", "Desktop", "Edge", "125.0"),
    ("macOS 14", "MacBook Air", "Safari", "17.5"),
    ("Ubuntu 22.04", "Desktop", "Firefox", "127.0"),
)


class Person(NamedTuple):
    """Somebody who comes back."""

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


class Crowd:
    """A group of people, of whom a few come often and most seldom."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.weights = [1 / (rank + 3) ** 0.7 for rank in range(len(people))]

    def draw(self, rng: random.Random) -> Person:
        """Somebody."""
        (person,) = rng.choices(self.people, self.weights)
        return person


def crowd(
    rng: random.Random, count: int, lives: tuple[int, ...], period: Period, campaign_from: int | None = None
) -> Crowd:
    """A crowd of `count`; one in ten came by the campaign, where there is one."""
    return Crowd([_person(rng, index, lives, period, campaign_from) for index in range(count)])


def _person(
    rng: random.Random, index: int, lives: tuple[int, ...], period: Period, campaign_from: int | None
) -> Person:
    (place,) = rng.choices(PLACES, lives)
    # Four in five were there before the period began.
    joined = period.since if rng.random() < 0.8 else period.at(rng.random() * 0.9)
    by_campaign = False
    if campaign_from is not None and index % 10 == 7:
        joined, by_campaign = campaign_from, True
    system, make, agent, agent_version = rng.choice(DEVICES)
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
    )
