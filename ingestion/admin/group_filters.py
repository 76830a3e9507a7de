"""Filters of the page of rejected groups: period of receipt, owners, sources, kinds."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict

from events.access import Access, labels_of
from events.admin.filters import PERIODS, period
from events.store.sources import with_merged
from ingestion.rejected.event import RejectedEvent

ALL = "all"  # the period of everything that is still rejected
USUAL = "7d"
EARLIEST = 1970  # year
WORDS = {ALL: "so far"} | {name: PERIODS[name] for name in ("today", "yesterday", "month", "last-month")}


@dataclass(frozen=True)
class Asked:
    """Values of the page's filters: a period of receipt, owners, sources and kinds."""

    period: str  # one of PERIODS or ALL; empty where times are given
    since: datetime | None = None
    until: datetime | None = None
    owners: tuple[int, ...] | None = None  # None: all that the person sees
    sources: tuple[int, ...] | None = None
    kinds: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """Describe the period."""
        if self.period:
            return WORDS.get(self.period) or f"in the {PERIODS[self.period]}"
        since, until = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (self.since, self.until))
        return " ".join(
            part for part in (since and f"from {since}", until and f"before {until}", "UTC") if part
        )

    @property
    def query(self) -> dict[str, str]:
        """Return the same filters for the list."""
        values = {"owner": self.owners, "source": self.sources}
        # No row has the id 0; an empty text would be no filter.
        asked = {
            name: ",".join(map(str, found)) or "0" for name, found in values.items() if found is not None
        }
        if self.kinds is not None and len(self.kinds) == 1:  # the list takes one
            asked["kind"] = self.kinds[0]
        if self.since:
            asked["last_since"] = f"{self.since:%Y-%m-%dT%H:%M}"
        if self.until:
            asked["until"] = f"{self.until:%Y-%m-%dT%H:%M}"
        return asked


def ask(params: QueryDict, access: Access, now: datetime) -> Asked:
    """Read an address. What can't be meant, and owners that the person doesn't see, leave nothing."""
    owners = _keys(params.get("owner", ""))
    narrowed: dict[str, Any] = {
        "owners": None if owners is None else tuple(sorted({*owners} & {each.pk for each in access.owners})),
        "sources": _keys(params.get("source", "")),
        "kinds": tuple(str(params["kind"]).split(",")) if params.get("kind") else None,
    }
    name = params.get("period", "")
    since, until = (_time(params.get(each, "")) for each in ("since", "until"))
    if not name and (since or until):
        return Asked("", since, until, **narrowed)
    name = name if name in PERIODS or name == ALL else USUAL
    since, until = (None, None) if name == ALL else period(name, now)
    return Asked(name, since, until, **narrowed)


def _keys(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    return tuple(
        int(each) for each in text.split(",") if each.isascii() and each.isdigit() and len(each) < 19
    )


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC) if EARLIEST < at.year < 9999 else None


def rows_of(access: Access, asked: Asked, *, older: bool = False) -> QuerySet[RejectedEvent]:
    """Return the rejected events that a person sees and asks for; or the `older` ones, last received before.

    An event that was received several times is of each period from its first receipt to its last.
    """
    rows = access.limit(RejectedEvent.objects.all())
    if asked.since:
        rows = rows.filter(**{f"last_received_at__{'lt' if older else 'gte'}": asked.since})
    elif older:
        return rows.none()
    if asked.until and not older:
        rows = rows.filter(received_at__lt=asked.until)
    if asked.owners is not None:
        rows = rows.filter(owner_id__in=asked.owners)
    if asked.sources is not None:
        rows = rows.filter(source_id__in=with_merged(asked.sources))
    return rows if asked.kinds is None else rows.filter(kind__in=asked.kinds)


@dataclass(frozen=True)
class Option:
    """An option of a select."""

    value: str
    label: str
    is_chosen: bool


def periods(asked: Asked) -> list[Option]:
    """Return the periods that the page offers; times of an address are one more."""
    named = PERIODS | {ALL: "all that are kept"}
    own = [Option("", asked.label, True)] if not asked.period else []
    return own + [Option(name, label, name == asked.period) for name, label in named.items()]


def owners(params: QueryDict, access: Access) -> list[Option]:
    """Return the owners that the page offers: none where there is nothing to choose."""
    if len(access.owners) < 2:
        return []
    chosen = params.get("owner", "")
    offered = zip((str(owner.pk) for owner in access.owners), labels_of(access.owners), strict=True)
    several = [Option(chosen, f"{chosen.count(',') + 1} owners", True)] if "," in chosen else []
    single = [Option(pk, name, pk == chosen) for pk, name in offered]
    return [Option("", "All", not chosen), *several, *single]


def chips(params: QueryDict, access: Access, asked: Asked) -> list[tuple[str, str]]:
    """Return what the page is narrowed to beside its fields, each with the address without it."""
    found = []
    if asked.sources is not None:
        named = access.visible_sources.filter(pk__in=asked.sources).select_related("organization")
        names = labels_of(list(named))
        found.append(("source", f"Source: {', '.join(names) or 'unknown'}"))
    if asked.kinds is not None:
        found.append(("kind", f"Kind: {', '.join(asked.kinds)}"))
    return [
        (label, f"?{urlencode([(each, value) for each, value in params.items() if each != name])}")
        for name, label in found
    ]


def everything(params: QueryDict) -> str:
    """Return the query of the page with the same owners, sources and kinds, whenever received."""
    named = {name: params[name] for name in ("owner", "source", "kind") if params.get(name)}
    return urlencode({"period": ALL} | named)


def kept(params: QueryDict, asked: Asked) -> list[tuple[str, str]]:
    """Return what the form sends along beside its fields."""
    names = ("source", "kind") if asked.period else ("source", "kind", "since", "until")
    return [(name, str(params[name])) for name in names if params.get(name)]
