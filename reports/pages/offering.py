"""Offering: versions and countries that a page's filters offer."""

from collections.abc import Mapping, Sequence

from reports.filters import Filters
from reports.pages.page import Page


def offered(_: Filters, __: Page) -> Mapping[str, Sequence[str]]:
    """The values of versions and countries that occur in the period; none: they are typed in."""
    return {}
