"""Links: addresses of report pages and of lists of events that keep what is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse

from reports.filters import Filters
from reports.periods import preset

# What is kept on the way from page to page.
SHARED = (
    "owner",
    "source",
    "kind",
    "version",
    "country",
    "period",
    "from",
    "to",
    "compare",
    "granularity",
    "zone",
)
# Presets of the list of sessions.
SESSION_PERIODS = {
    "today": "today",
    "yesterday": "yesterday",
    "7d": "7d",
    "30d": "30d",
    "this_month": "month",
    "last_month": "last-month",
}
Value = str | int | date | list[str] | tuple[str, ...] | None
Params = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Links:
    """The page that is looked at, with all that its address asks."""

    page: str
    params: Params

    def here(self, **changes: Value) -> str:
        """This page, asked something else: None lifts a filter."""
        return address(self.page, changed(self.params, changes))

    def lifted(self) -> str:
        """This page without anything that narrows it; period and zone stay."""
        return self.here(owner=None, source=None, kind=None, version=None, country=None)

    def to(self, page: str, **changes: Value) -> str:
        """Another page, asked the same; what is this page's own isn't taken along."""
        return address(page, changed(shared(self.params), changes))

    def days(self, first: date, last: date) -> str:
        """This page, narrowed to some days."""
        return self.here(**{"period": None, "from": first, "to": last, "granularity": None})


def address(page: str, params: Params) -> str:
    """The address of a page."""
    return f"{reverse(f'reports:{page}')}{query(params)}"


def query(params: Params) -> str:
    """What is asked, with its question mark; empty where nothing is."""
    text = urlencode([(name, value) for name, values in params.items() for value in values])
    return f"?{text}" if text else ""


def shared(params: Params) -> dict[str, list[str]]:
    """What is kept on the way to another page."""
    return {name: list(params[name]) for name in SHARED if params.get(name)}


def changed(params: Params, changes: Mapping[str, Value]) -> dict[str, list[str]]:
    """The parameters after changes; the place of a sorted column or a CSV stays behind."""
    kept = {name: list(values) for name, values in params.items() if values and name != "csv"}
    for name, value in changes.items():
        kept.pop(name, None)
        if value is not None and value != "":
            kept[name] = [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
    return kept


def events(filters: Filters, **narrower: str | int) -> str:
    """The list of the events that were counted; it takes one owner, source and kind, so of several none is
    set. `narrower` are further filters of the list, for instance a kind or a session.
    """
    return _events(filters, ("since", "until"), narrower)


def received(filters: Filters, **narrower: str | int) -> str:
    """The same of the events that were received in the period, whenever they occurred: those that charges and
    usage are about.
    """
    return _events(filters, ("received_since", "received_until"), narrower)


def _events(filters: Filters, ends: tuple[str, str], narrower: Mapping[str, str | int]) -> str:
    asked: dict[str, str | int] = dict(
        zip(ends, map(moment, (filters.period.since, filters.period.until)), strict=True)
    )
    for name, values in (("owner", filters.owners), ("source", filters.sources), ("kind", filters.kinds)):
        if values and len(values) == 1:
            asked[name] = values[0]
    return f"{reverse('admin:events_event_changelist')}?{urlencode({**asked, **narrower})}"


def sessions(filters: Filters, now: datetime, **narrower: str | int) -> str:
    """The list of sessions, of one owner and one source; it has no times but presets in UTC."""
    asked: dict[str, str | int] = {
        name: values[0]
        for name, values in (("owner", filters.owners), ("source", filters.sources))
        if values and len(values) == 1
    }
    for ours, theirs in SESSION_PERIODS.items():
        if preset(ours, now, ZoneInfo("UTC")) == filters.period:
            asked["period"] = theirs
    return f"{reverse('admin:events_session_changelist')}{_asked(asked | narrower)}"


def _asked(params: Mapping[str, str | int]) -> str:
    return f"?{urlencode(params)}" if params else ""


def session_page(session: UUID) -> str:
    """The address of a session's page."""
    return reverse("admin:events_session_change", args=[session])


def moment(at: datetime) -> str:
    """A time as the fields of lists take it."""
    return f"{at:%Y-%m-%dT%H:%M}"
