"""The facts of a digest, read by the same functions as report pages."""

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
    """The figures of a digest, and how numbers are written."""

    filters: Filters
    names: dict[int, str]  # of owners, by key
    sources: dict[int, str]  # names of the sources listed, by key
    overview: Overview
    errors: Found
    spending: Spending | None
    written: Locale
    bots: int = 0  # sessions of bots, which no other figure counts

    @property
    def owners(self) -> tuple[str, ...]:
        """The names of the owners."""
        return tuple(self.names.values())

    @property
    def is_empty(self) -> bool:
        """True if nothing was received."""
        return not self.overview.sums.events and not self.overview.sums.received

    @property
    def period(self) -> Period:
        """The period of the digest."""
        return self.filters.period

    @property
    def before(self) -> str:
        """The period compared with, in words."""
        return self.period.before_in_words


def filters_for(period: Period, owners: Sequence[Owner], now: datetime) -> Filters:
    """Return the filters of the report pages that a digest links to."""
    return Filters(
        owners=tuple(owner.pk for owner in owners),
        period=period,
        granularity=period.finest(),
        compare=period.before().as_far_as(period, now),
    )


def params(filters: Filters) -> Params:
    """Return the same filters as query parameters."""
    owners = [str(key) for key in filters.owners or ()]
    return {
        # A URL takes only so many; without any, the page shows all owners that its reader sees.
        "owner": owners if len(owners) <= VALUES else [],
        "from": [filters.period.first.isoformat()],
        "to": [filters.period.last.isoformat()],
        "zone": [filters.period.zone.key],
    }


def read(period: Period, owners: Sequence[Owner], written: Locale, now: datetime) -> Facts:
    """Read the facts of a period."""
    filters = filters_for(period, owners, now)
    found = overview(filters, now)
    listed = {int(each.key) for each in found.sources} | {each.source_id for each in found.silent}
    return Facts(
        filters=filters,
        names={owner.pk: owner.name for owner in owners},
        sources=dict(Source.objects.filter(pk__in=listed).values_list("pk", "name")),
        overview=found,
        errors=errors(filters, now),
        spending=spending(period, filters.owners or (), now),
        written=written,
        bots=bots.sessions(filters),
    )
