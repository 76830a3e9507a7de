"""Kind links: addresses of the lists of one kind's events, which its own columns can narrow."""

from urllib.parse import urlencode

from django.urls import reverse

from events.kinds import KINDS
from reports.filters import Filters


def of_kind(kind: str, filters: Filters, **narrower: str | int) -> str:
    """The list of the events of a kind that were counted; lists take one owner, source, version and country.

    `narrower` are further filters of the list: columns of the kind, `object` and so on.
    """
    asked: dict[str, str | int] = {
        "since": f"{filters.period.since:%Y-%m-%dT%H:%M}",
        "until": f"{filters.period.until:%Y-%m-%dT%H:%M}",
    }
    for name, values in (
        ("owner", filters.owners),
        ("source", filters.sources),
        ("version", filters.versions),
        ("country", filters.countries),
    ):
        if values and len(values) == 1:
            asked[name] = values[0]
    kept = {name: value for name, value in (asked | narrower).items() if value != ""}
    return f"{reverse(f'admin:events_{KINDS[kind].model._meta.model_name}_changelist')}?{urlencode(kept)}"


def event(event_id: str) -> str:
    """The page of an event."""
    return reverse("admin:events_event_change", args=[event_id])
