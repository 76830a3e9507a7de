"""Kind links: addresses of the lists of one kind's events, which its own columns can narrow."""

from events.kinds import KINDS
from reports.filters import Filters
from reports.pages.links import in_list, listed


def of_kind(kind: str, filters: Filters, **narrower: str | int) -> str:
    """The list of the events of a kind that were counted.

    `narrower` are further filters of the list: columns of the kind, `object` and so on; none where empty.
    """
    asked = listed(filters, "owner", "source", "version", "country", "is_bot")
    return in_list(f"admin:events_{KINDS[kind].model._meta.model_name}_changelist", asked | narrower)


def is_address(page: str) -> bool:
    """Whether a page is called by its address: those of Availity are, where they say it."""
    return page.startswith("/") or "://" in page


def of_page(page: str, filters: Filters) -> str:
    """The list of the events that showed a page; Availity's pages without an address aren't found so."""
    filters = filters.of_people
    if is_address(page):
        return of_kind("ui_action", filters, url=page, resulting_event="page", action="load")
    return of_kind("impression", filters, pageid=page)
