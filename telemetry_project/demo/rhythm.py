"""Rhythm: when people start something, by local time, weekday and campaign."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from events.identity import milliseconds, moment

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS


def dice(seed: int, name: str) -> random.Random:
    """Return a separate random generator for a part, so that changes to one part don't affect the others."""
    return random.Random(f"{seed}/{name}")  # noqa: S311  (lifelike, not secret)


class Period(NamedTuple):
    """The period that the demo covers, in milliseconds since 1970."""

    since: int
    until: int

    @classmethod
    def before(cls, until: datetime, days: int) -> "Period":
        """Return the last `days` days."""
        return cls(milliseconds(until - timedelta(days=days)), milliseconds(until))

    def at(self, share: float) -> int:
        """Return the moment at a share of the period: 0 is its beginning, 1 its end."""
        return self.since + int((self.until - self.since) * share)

    @property
    def recent(self) -> "Period":
        """Return its last fortnight.

        Releases and campaigns are in it, since people look at the last days first.
        """
        return self._replace(since=max(self.since, self.until - 14 * DAY_MS))


class Pattern(NamedTuple):
    """The activity in each hour of a day (local time), and on weekends relative to weekdays."""

    hours: Sequence[float]
    saturday: float
    sunday: float


LEARNING = Pattern(
    (1, 0.5, 0.3, 0.2, 0.3, 1, 3, 6, 10, 12, 12, 11, 8, 9, 11, 11, 9, 8, 10, 13, 12, 8, 4, 2), 0.55, 0.7
)
OFFICE = Pattern(
    (0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 4, 11, 14, 14, 12, 7, 11, 13, 12, 9, 4, 1, 0.5, 0.3, 0.2, 0.1, 0.1),
    0.12,
    0.05,
)
BUILDING = Pattern((2, 3, 2, 1, 1, 1, 1, 3, 7, 11, 13, 12, 8, 11, 13, 13, 12, 9, 6, 4, 4, 3, 2, 2), 0.2, 0.15)


class Campaign(NamedTuple):
    """A time with more activity."""

    since: int
    until: int
    factor: float


class Rhythm:
    """Draws moments of a period distributed like a pattern."""

    def __init__(
        self, period: Period, pattern: Pattern, offset_minutes: int, campaign: Campaign | None = None
    ) -> None:
        self.period = period
        # Whole hours of UTC. The first begins at or before the period.
        self.first = period.since // HOUR_MS
        weights = [
            _weight(hour * HOUR_MS, pattern, offset_minutes, campaign)
            for hour in range(self.first, period.until // HOUR_MS + 1)
        ]
        self.running = list(accumulate(weights))
        self.hours = range(len(weights))

    def draw(self, rng: random.Random) -> int:
        """Return a random moment of the period, in milliseconds since 1970."""
        (hour,) = rng.choices(self.hours, cum_weights=self.running)
        drawn = (self.first + hour) * HOUR_MS + rng.randrange(HOUR_MS)
        return min(max(drawn, self.period.since), self.period.until - 1)


def _weight(at: int, pattern: Pattern, offset_minutes: int, campaign: Campaign | None) -> float:
    local = moment(at + offset_minutes * MINUTE_MS)
    weight = pattern.hours[local.hour] * {5: pattern.saturday, 6: pattern.sunday}.get(local.weekday(), 1.0)
    if campaign and campaign.since <= at < campaign.until:
        weight *= campaign.factor
    return weight
