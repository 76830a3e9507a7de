"""Facts: all that a digest is written from, read by the functions that report pages read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from events.ownership.owner import Owner
from events.ownership.source import Source
from reports.digests.locales import Locale
from reports.figures import bots
from reports.figures.cost.months import Spending, spending
from reports.figures.errors import Found, errors
from reports.figures.overview import Overview, overview
from reports.filters import Filters
from reports.pages.links import Params
from reports.pages.parameters import VALUES
from reports.periods import Period


@dataclass(frozen=True)
class Facts:
    """Figures, and what they are written with."""

    filters: Filters
    names: dict[int, str]  # of the owners, by key
    sources: dict[int, str]  # names of those that are listed
    overview: Overview
    errors: Found
    spending: Spending | None
    written: Locale
    bots: int = 0  # sessions of bots, which no other figure has

    @property
    def owners(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.names.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing came in."""
        return not self.overview.sums.events and not self.overview.sums.received

    @property
    def period(self) -> Period:
        """The days that it tells of."""
        return self.filters.period

    @property
    def before(self) -> str:
        """What it compares with, in words."""
        return self.period.before_in_words


def question(period: Period, owners: Sequence[Owner], now: datetime) -> Filters:
    """What report pages are asked by the addresses that a digest links to."""
    return Filters(
        owners=tuple(owner.pk for owner in owners),
        period=period,
        granularity=period.finest(),
        compare=period.before().as_far_as(period, now),
    )


def params(filters: Filters) -> Params:
    """The same question in an address."""
    owners = [str(key) for key in filters.owners or ()]
    return {
        # An address takes so many; without any it asks for all that its reader sees.
        "owner": owners if len(owners) <= VALUES else [],
        "from": [filters.period.first.isoformat()],
        "to": [filters.period.last.isoformat()],
        "zone": [filters.period.zone.key],
    }


def read(period: Period, owners: Sequence[Owner], written: Locale, now: datetime) -> Facts:
    """The facts of a period."""
    asked = question(period, owners, now)
    found = overview(asked, now)
    listed = {int(each.key) for each in found.sources} | {each.source_id for each in found.silent}
    return Facts(
        filters=asked,
        names={owner.pk: owner.name for owner in owners},
        sources=dict(Source.objects.filter(pk__in=listed).values_list("pk", "name")),
        overview=found,
        errors=errors(asked, now),
        spending=spending(period, asked.owners or (), now),
        written=written,
        bots=bots.sessions(asked),
    )
