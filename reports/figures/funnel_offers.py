"""What a funnel may be made of: the pages and kinds of event that a period has most of."""

from reports.filters import Filters
from reports.rollups import reading
from reports.rollups.models import Events, Pages

PAGES = 40


def offers(filters: Filters) -> tuple[str, ...]:
    """Steps as a reader writes them, the most frequent first: pages, then kinds."""
    pages = reading.top(Pages, filters, ["page"], ["views"], limit=PAGES).rows
    kinds = reading.top(Events, filters.of_people, ["kind"], ["events"]).rows
    return (
        *(f"page:{row.keys[0]}" for row in pages if row.keys[0]),
        *(f"event:{row.keys[0]}" for row in kinds),
    )
