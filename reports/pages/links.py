"""Links: addresses of report pages and lists of events that keep the reader's filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TypedDict
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from events.kinds import KINDS
from events.spreadsheets.files import FORMATS
from reports.filters import Filters

# Parameters kept when going from page to page.
SHARED = (
    "owner",
    "source",
    "kind",
    "version",
    "country",
    "bots",
    "period",
    "from",
    "to",
    "compare",
    "granularity",
    "zone",
)
# Parameters that filter within the same days.
NARROWING = ("owner", "source", "kind", "version", "country", "bots")
# Filters that reports take repeatedly, and lists with commas.
SHARED_WITH_LISTS = ("owner", "source", "version", "country")
# The reports' values of the bots filter, by those of the lists.
LISTS_BOTS = {"yes": "only", "no": "left_out"}
REPORTS_BOTS = {ours: theirs for theirs, ours in LISTS_BOTS.items()}
# Presets of reports, by their names in lists.
LISTS_PERIODS = {"month": "this_month", "last-month": "last_month"}
REPORTS_PERIODS = {ours: theirs for theirs, ours in LISTS_PERIODS.items()}
Value = str | int | date | list[str] | tuple[str, ...] | None
YEARS = range(2000, 2100)  # years accepted in a URL
Params = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Links:
    """The current page with all its parameters."""

    page: str
    params: Params

    def here(self, **changes: Value) -> str:
        """Return this page with changed parameters. None removes a filter."""
        return address(self.page, changed(self.params, changes))

    def lifted(self) -> str:
        """Return this page without filters. Period and zone stay."""
        return self.here(**dict.fromkeys(NARROWING))

    @property
    def is_narrowed(self) -> bool:
        """True if there is a filter to remove."""
        return any(self.params.get(name) for name in NARROWING)

    def in_usual_period(self) -> str:
        """Return this page for the most recent days, whatever its period."""
        return self.here(**dict.fromkeys(("period", "from", "to", "compare", "granularity")))

    def to(self, page: str, **changes: Value) -> str:
        """Return another page with the same parameters, without those of this page only."""
        return address(page, changed(shared(self.params), changes))

    def days(self, first: date, last: date) -> str:
        """Return this page filtered by some days."""
        return self.here(**{"period": None, "from": first, "to": last, "granularity": None})


def address(page: str, params: Params) -> str:
    """Return the address of a page."""
    return f"{_path(f'reports:{page}')}{query(params)}"


@cache  # a page has hundreds of links to the same list
def _path(page: str) -> str:
    return reverse(page)


def query(params: Params) -> str:
    """Return parameters as a query string with its question mark; empty without any."""
    text = urlencode([(name, value) for name, values in params.items() for value in values])
    return f"?{text}" if text else ""


def shared(params: Params) -> dict[str, list[str]]:
    """Return the parameters kept when going to another page."""
    return {name: list(params[name]) for name in SHARED if params.get(name)}


def for_lists(params: Params) -> dict[str, list[str]]:
    """Translate a report's parameters into those of lists of events and sessions, which are in UTC."""
    kept = {name: [",".join(params[name])] for name in SHARED_WITH_LISTS if params.get(name)}
    if flag := REPORTS_BOTS.get(next(reversed(params.get("bots", ())), "")):
        kept["is_bot"] = [flag]
    if name := next(reversed(params.get("period", ())), ""):
        kept["period"] = [REPORTS_PERIODS.get(name, name)]
    for ours, theirs, days in (("from", "since", 0), ("to", "until", 1)):
        if name in ("", "custom") and (day := _day(params.get(ours, ()))):
            kept[theirs] = [moment(day + timedelta(days=days))]
            kept.pop("period", None)
    return kept


def for_reports(params: Params) -> dict[str, list[str]]:
    """Translate a list's parameters into those of reports: the whole days covered by its times."""
    kept = {name: params[name][-1].split(",") for name in SHARED_WITH_LISTS if params.get(name, [""])[-1]}
    if bots := LISTS_BOTS.get(next(reversed(params.get("is_bot", ())), "")):
        kept["bots"] = [bots]
    if name := next(reversed(params.get("period", ())), ""):
        kept["period"] = [LISTS_PERIODS.get(name, name)]
    for theirs, ours, back in (("since", "from", 0), ("until", "to", 1)):
        if at := _day(params.get(theirs, ())):
            kept[ours] = [f"{at - timedelta(minutes=back):%Y-%m-%d}"]
            kept.pop("period", None)
    return kept


def _day(values: Sequence[str]) -> datetime | None:
    """Parse a time, or a day as its beginning; None if it is neither."""
    try:
        found = datetime.fromisoformat(values[-1] if values else "")
    except ValueError:
        return None
    return found if found.year in YEARS else None


def changed(params: Params, changes: Mapping[str, Value]) -> dict[str, list[str]]:
    """Return the parameters after changes, without the one for downloads."""
    kept = {name: list(values) for name, values in params.items() if values and name not in FORMATS}
    for name, value in changes.items():
        kept.pop(name, None)
        if value is not None and value != "":
            kept[name] = [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
    return kept


def listed(filters: Filters, *names: str) -> dict[str, str]:
    """Return the parameters of an admin list that shows the rows behind a number.

    Times are in UTC, and several values are separated by commas. `names` are the filters of the list.
    """
    is_bot = filters.bots.wanted(of_people=False)
    values: dict[str, tuple[object, ...] | None] = {
        "owner": filters.owners,
        "source": filters.sources,
        "kind": filters.kinds,
        "version": filters.versions,
        "country": filters.countries,
        "is_bot": None if is_bot is None else ("yes" if is_bot else "no",),
    }
    asked = {name: ",".join(map(str, found)) for name in names if (found := values[name])}
    return within(filters.period.since, filters.period.until) | asked


def within(since: datetime, until: datetime) -> dict[str, str]:
    """Return a time range as parameters of admin lists."""
    return {"since": moment(since), "until": moment(until)}


def events(filters: Filters, **narrower: str | int) -> str:
    """Return the list of the counted events.

    `narrower` are further filters of the list, for example a kind or a session. An empty value removes a
    filter.
    """
    asked = listed(filters, "owner", "source", "kind", "version", "country", "is_bot")
    return in_list("admin:events_event_changelist", asked | narrower)


def received(filters: Filters, **narrower: str | int) -> str:
    """Return the list of events received in the period, whenever they occurred.

    Charges and usage count these.
    """
    asked = listed(filters.by_utc_hours(), "owner", "source", "kind", "version", "country")
    asked |= {"received_since": asked.pop("since"), "received_until": asked.pop("until")}
    return in_list("admin:events_event_changelist", asked | narrower)


def sessions(filters: Filters, **narrower: str | int) -> str:
    """Return the list of the counted sessions, which began in the period."""
    asked = listed(filters.of_people, "owner", "source", "version", "country", "is_bot")
    return in_list("admin:events_session_changelist", asked | narrower)


def rejected(filters: Filters, **narrower: str | int) -> str:
    """Return the list of rejected events first received in the period. It takes only one kind."""
    asked = listed(filters.by_utc_hours(), "owner", "source", *(["kind"] if len(filters.kinds) == 1 else []))
    return in_list("admin:ingestion_rejectedevent_changelist", asked | narrower)


def rejected_groups(filters: Filters) -> str:
    """Return the groups of rejected events received in the period."""
    asked = listed(filters, "owner", "source", "kind")
    return in_list("admin:ingestion_rejected_groups", asked)


def in_list(page: str, asked: Mapping[str, str | int]) -> str:
    """Return an admin list with parameters. Empty ones are left out."""
    return f"{_path(page)}?{urlencode({name: value for name, value in asked.items() if value != ''})}"


def session_page(session: UUID) -> str:
    """Return the address of a session's page."""
    return _row_page("events_session", session)


def event_page(event: UUID | str) -> str:
    """Return the address of an event's page."""
    return _row_page("events_event", event)


def _row_page(table: str, key: UUID | str) -> str:
    head, tail = _around_key(table)
    return f"{head}{key}{tail}"


@cache  # as above
def _around_key(table: str) -> tuple[str, str]:
    head, _, tail = reverse(f"admin:{table}_change", args=["KEY"]).partition("KEY")
    return head, tail


def moment(at: datetime) -> str:
    """Return a time in the format of the lists' fields."""
    return f"{at:%Y-%m-%dT%H:%M}"


def of_kind(kind: str, filters: Filters, **narrower: str | int) -> str:
    """Return the list of the counted events of a kind.

    `narrower` are further filters of the list, such as columns of the kind or `object`. Empty ones are left
    out.
    """
    asked = listed(filters, "owner", "source", "version", "country", "is_bot")
    return in_list(f"admin:events_{KINDS[kind].model._meta.model_name}_changelist", asked | narrower)


def is_address(page: str) -> bool:
    """True if a page's name is its address, as for Availity's pages that send one."""
    return page.startswith("/") or "://" in page


def of_page(page: str, filters: Filters) -> str:
    """Return the list of the events that showed a page. Finds none of Availity's pages without address."""
    filters = filters.of_people
    if is_address(page):
        return of_kind("ui_action", filters, url=page, resulting_event="page", action="load")
    return of_kind("impression", filters, pageid=page)


class EmptyLink(TypedDict, total=False):
    """A link for `Empty`."""

    href: str
    label: str


def unfilter_link(links: Links) -> EmptyLink:
    """Return a link that removes the filters, or returns to the default period; empty if that is shown."""
    if links.is_narrowed:
        return {"href": links.lifted(), "label": "Clear all filters"}
    if any(links.params.get(name) for name in ("period", "from", "to")):
        return {"href": links.in_usual_period(), "label": "Show the last 7 days"}
    return {}
