"""Offering: versions and countries that a page's filters offer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reports.filters import Bots, Filters
from reports.pages.page import Page
from reports.rollups import reading
from reports.rollups.models import Events

KEYS = ("version", "country")
MOST = 500  # pairs of them, those with the most events


def offered(filters: Filters, page: Page) -> Mapping[str, Sequence[str]]:
    """Those that events of the period have, whatever else is filtered; by one statement."""
    if not set(KEYS) & set(page.filters):
        return {}
    everything = replace(filters, versions=(), countries=(), kinds=(), bots=Bots.COUNTED)
    rows = reading.top(Events, everything, KEYS, ["events"], limit=MOST).rows
    return {
        key: tuple(dict.fromkeys(row.keys[place] for row in rows if row.keys[place]))
        for place, key in enumerate(KEYS)
    }
