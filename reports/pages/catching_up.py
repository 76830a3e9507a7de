"""Catching up: that numbers aren't whole yet, after the first start, a large replay or a standstill."""

from events.store.touched import TouchedQuarter
from reports.pages.page import Page
from reports.pages.report import Attention

MANY = 1_000  # waiting rows; usually there are a few of the last minutes
SENTENCE = "Many events are still being summed up, so these numbers grow: reload in a minute."


def attention(page: Page) -> tuple[Attention, ...]:
    """A sentence on the pages that rollups make, while many quarters of an hour wait; one statement."""
    if "compare" not in page.filters:
        return ()
    if TouchedQuarter.objects.order_by().values("pk")[:MANY].count() < MANY:
        return ()
    return (Attention(SENTENCE),)
