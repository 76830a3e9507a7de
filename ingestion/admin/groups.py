"""Groups of rejected events by code, kind and source, the largest first, each with its trend."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils.safestring import SafeString

from events.access import Access
from events.admin.sparkline import sparkline
from ingestion import remedies
from ingestion.admin.lists import UNTOLD
from ingestion.rejected import RejectedEvent

DAYS = 30  # of the trend
SHOWN = 100  # groups


@dataclass(frozen=True)
class Group:
    """Rejected events that have code, kind and source in common."""

    code: str
    kind: str
    source: str
    count: int
    seen: int
    first: datetime
    last: datetime
    trend: SafeString
    happened: SafeString
    remedy: SafeString
    latest: RejectedEvent | None
    oldest: int
    query: str  # of the list that has these


def rows_of(access: Access, owner: str = "") -> QuerySet[RejectedEvent]:
    """The rejected events that a person sees, of one owner or all."""
    rows = access.limit(RejectedEvent.objects.all())
    if not owner:
        return rows
    is_known = owner in {str(each.pk) for each in access.owners}
    return rows.filter(owner_id=int(owner)) if is_known else rows.none()


def groups_of(rows: QuerySet[RejectedEvent], access: Access, now: datetime, owner: str = "") -> list[Group]:
    """The groups of these rows, the largest first; `owner` is kept in their links. In four queries."""
    by = ("code", "kind", "source_id")
    found = list(
        rows.order_by()
        .values(*by, "source__name", "source__organization_id")
        .annotate(
            count=Count("pk"),
            times=Sum("seen"),
            first=Min("received_at"),
            last=Max("last_received_at"),
            newest=Max("pk"),
            oldest=Min("pk"),
        )
        .order_by("-count", *by)[:SHOWN]
    )
    trends = _trends(rows, now)
    samples = rows.defer("body").in_bulk([group["newest"] for group in found])
    for group in found:
        group["source"] = access.label_of(group["source__name"], group["source__organization_id"])
    return [
        _group(group, trends[tuple(group[name] for name in by)], samples.get(group["newest"]), now, owner)
        for group in found
    ]


def _trends(rows: QuerySet[RejectedEvent], now: datetime) -> dict[tuple[Any, ...], dict[date, int]]:
    """Per group, how many first came on each of the last days."""
    trends: dict[tuple[Any, ...], dict[date, int]] = defaultdict(dict)
    days = (
        rows.filter(received_at__gte=now - timedelta(days=DAYS))
        .order_by()
        .values_list("code", "kind", "source_id", TruncDate("received_at"))
        .annotate(count=Count("pk"))
    )
    for *key, day, count in days:
        trends[tuple(key)][day] = count
    return trends


def _group(
    found: dict[str, Any],
    trend: dict[date, int],
    latest: RejectedEvent | None,
    now: datetime,
    owner: str,
) -> Group:
    remedy = remedies.remedy_of(found["code"])
    query = {"code": found["code"], "kind": found["kind"] or UNTOLD, "source": found["source_id"]}
    return Group(
        code=found["code"],
        kind=found["kind"],
        source=found["source"],
        count=found["count"],
        seen=found["times"],
        first=found["first"],
        last=found["last"],
        trend=sparkline([(day, trend.get(day, 0)) for day in _days(now)], "First received"),
        happened=remedies.as_html(remedy.happened),
        remedy=remedies.as_html(remedy.remedy),
        latest=latest,
        oldest=found["oldest"],
        query=urlencode(query | ({"owner": owner} if owner else {})),
    )


def _days(now: datetime) -> list[date]:
    return [now.date() - timedelta(days=back) for back in reversed(range(DAYS))]


def count_of(rows: QuerySet[RejectedEvent], groups: list[Group]) -> int:
    """How many rejected events there are, those of groups that are not shown among them."""
    return rows.count() if len(groups) == SHOWN else sum(group.count for group in groups)


def answer(groups: list[Group], total: int) -> str:
    """The page in a sentence."""
    if not total:
        return "Nothing is rejected: every event could be stored."
    worst = groups[0]
    kind = f" in {worst.kind}" if worst.kind else ""
    share = f"{100 * worst.count // total} %"
    events = "1 event waits" if total == 1 else f"{total:,} events wait"
    if worst.count == total:
        return f"{events} to be mended, all for “{worst.code}”{kind} from {worst.source}."
    return f"{events} to be mended; {share} of them for “{worst.code}”{kind} from {worst.source}."
