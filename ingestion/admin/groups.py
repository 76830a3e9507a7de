"""Groups of rejected events by code, kind, source and field, the newest first, each with its trend."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from events.access import Access
from events.admin.display import daily_sparkline
from ingestion.admin.group_filters import Asked
from ingestion.admin.list_filters import UNTOLD
from ingestion.documentation import formats
from ingestion.rejected import remedies
from ingestion.rejected.event import RejectedEvent

DAYS = 30  # of the trend
SHOWN = 100  # groups
BY = ("code", "kind", "source_id", "path")


@dataclass(frozen=True)
class Group:
    """Rejected events that have code, kind, source and field in common."""

    code: str
    kind: str
    source: str
    path: str
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


def groups_of(rows: QuerySet[RejectedEvent], access: Access, now: datetime, asked: Asked) -> list[Group]:
    """Return the groups of these rows, the newest first, in three queries. Links keep what is asked."""
    found = list(
        rows.order_by()
        .values(*BY, "source__name", "source__organization_id")
        .annotate(
            count=Count("pk"),
            times=Sum("seen"),
            first=Min("received_at"),
            last=Max("last_received_at"),
            newest=Max("pk"),
            oldest=Min("pk"),
        )
        .order_by("-last", *BY)[:SHOWN]
    )
    # Senders choose paths: there may be as many groups as events.
    shown = rows.filter(
        code__in={group["code"] for group in found}, path__in={group["path"] for group in found}
    )
    trends = _trends(shown, now)
    samples = rows.defer("body").in_bulk([group["newest"] for group in found])
    for group in found:
        group["source"] = access.label_of(group["source__name"], group["source__organization_id"])
    return [
        _group(group, trends[tuple(group[name] for name in BY)], samples.get(group["newest"]), now, asked)
        for group in found
    ]


def _trends(rows: QuerySet[RejectedEvent], now: datetime) -> dict[tuple[object, ...], dict[date, int]]:
    """Per group, how many first came on each of the last days."""
    trends: dict[tuple[object, ...], dict[date, int]] = defaultdict(dict)
    days = (
        rows.filter(received_at__gte=now - timedelta(days=DAYS))
        .order_by()
        .values_list(*BY, TruncDate("received_at"))
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
    asked: Asked,
) -> Group:
    happened, remedy = remedies.said_of(found["code"], found["path"])
    fields_link = formats.link(found["kind"], latest.dialect if latest else "", found["path"])
    query = asked.query | {
        "code": found["code"],
        "kind": found["kind"] or UNTOLD,
        "source": found["source_id"],
        "path": found["path"] or UNTOLD,
    }
    return Group(
        code=found["code"],
        kind=found["kind"],
        source=found["source"],
        path=found["path"],
        count=found["count"],
        seen=found["times"],
        first=found["first"],
        last=found["last"],
        trend=daily_sparkline([(day, trend.get(day, 0)) for day in _days(now)], "First received"),
        happened=remedies.as_html(happened),
        remedy=remedies.as_html(remedy, fields_link),
        latest=latest,
        oldest=found["oldest"],
        query=urlencode(query),
    )


def _days(now: datetime) -> list[date]:
    return [now.date() - timedelta(days=back) for back in reversed(range(DAYS))]


def count_of(rows: QuerySet[RejectedEvent], groups: list[Group]) -> int:
    """Return the number of rejected events, including groups that are not shown."""
    return rows.count() if len(groups) == SHOWN else sum(group.count for group in groups)


def answer(groups: list[Group], total: int, asked: Asked) -> str:
    """Return the page in a sentence."""
    if not total:
        return f"Nothing was rejected {asked.label}: every event could be stored."
    most = max(groups, key=lambda group: group.count)
    kind = f" in {most.kind}" if most.kind else ""
    is_named = most.path and remedies.remedy_of(most.code).named
    why = f"because {unescape(strip_tags(most.happened)).rstrip('.')}" if is_named else f"for “{most.code}”"
    events = "1 event was" if total == 1 else f"{total:,} events were"
    share = "all" if most.count == total else f"{100 * most.count // total} %"
    return f"{events} rejected {asked.label}; {share} {why}{kind} from {most.source}."
