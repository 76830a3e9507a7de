"""Content: what a digest tells, from the hourly counts of what came in. By time of receipt.

`compose` is what sending, preview and "send me one now" are handed.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.db.models import Sum

from events.ownership.owner import Owner
from events.store.usage import UsageHour
from reports.digests.composed import Chart, Composed, Figure, File, Link, Notice, Table
from reports.digests.locales import Locale
from reports.digests.picture import Bar, Tick, bars
from reports.digests.subscription import Subscription
from reports.periods import Granularity, Period

SHOWN = 5  # rows of a table
MEASURES = ("received", "stored", "duplicates", "rejected", "billed_bytes")


@dataclass(frozen=True)
class Sums:
    """What came in over a period."""

    received: int
    stored: int
    duplicates: int
    rejected: int
    billed_bytes: int


def compose(subscription: Subscription, period: Period, owners: Sequence[Owner]) -> Composed | None:
    """The digest of a period about owners that its reader may see; None where nothing came in."""
    hours = _hours(period, owners)
    now, before = _sums(hours), _sums(_hours(period.before(), owners))
    if not now.received and not subscription.also_empty:
        return None
    written = subscription.written
    sources = list(
        hours.values("source__name").annotate(received=Sum("received"), rejected=Sum("rejected"))
        .filter(received__gt=0)
        .order_by("-received", "source__name")
    )  # fmt: skip
    series = _series(hours, period)
    return Composed(
        answer=_answer(written, owners, now, before, sources),
        period=f"{written.days(period.first, period.last)} ({period.zone.key}), by time of receipt",
        notices=_notices(written, now),
        figures=_figures(written, now, before),
        charts=_charts(written, series, period),
        tables=_tables(written, sources),
        links=(Link("Overview", "/admin/"), Link("Events", "/admin/events/event/")),
        files=(File("events.csv", _csv(series, period)),) if subscription.attach_csv else (),
    )


def _hours(period: Period, owners: Sequence[Owner]) -> Any:
    """The hours that begin in the period; where a zone's clocks are half an hour off, cut by that."""
    return UsageHour.objects.filter(
        owner_id__in=[owner.pk for owner in owners], hour__gte=period.since, hour__lt=period.until
    )


def _sums(hours: Any) -> Sums:
    return Sums(**hours.aggregate(**{name: Sum(name, default=0) for name in MEASURES}))


def _answer(
    written: Locale, owners: Sequence[Owner], now: Sums, before: Sums, sources: Sequence[dict[str, Any]]
) -> str:
    names = owners[0].name if len(owners) == 1 else f"{len(owners)} owners"
    if not now.received:
        return f"{names}: nothing came in."
    change = written.change(now.received, before.received)
    said = "as many as before" if change == "as before" else change
    than = " than before" if said.endswith(("more", "less")) else ""
    most = sources[0]["source__name"]
    return f"{names}: {written.number(now.received)} events, {said}{than}; {most} sent most of them."


def _notices(written: Locale, now: Sums) -> tuple[Notice, ...]:
    if not now.rejected:
        return ()
    share = written.percent(now.rejected * 100 / now.received, 1)
    sentence = f"{written.number(now.rejected)} events were rejected, {share} of what came in."
    return (Notice(sentence, "/admin/ingestion/rejectedevent/groups/"),)


def _figures(written: Locale, now: Sums, before: Sums) -> tuple[Figure, ...]:
    def figure(label: str, name: str) -> Figure:
        values = getattr(now, name), getattr(before, name)
        return Figure(label, written.number(values[0]), written.change(*values))

    megabytes = Figure(
        "Billed MB",
        written.number(now.billed_bytes / 1e6, 2),
        written.change(now.billed_bytes, before.billed_bytes),
    )
    return (figure("Events", "received"), figure("Rejected", "rejected"), megabytes)


def _series(hours: Any, period: Period) -> list[tuple[datetime, int]]:
    """Received events by bucket of the period, in the order of time."""
    starts = period.buckets(_granularity(period))
    counts = dict.fromkeys(starts, 0)
    place = 0
    for row in hours.values("hour").annotate(received=Sum("received")).order_by("hour"):
        while place + 1 < len(starts) and starts[place + 1] <= row["hour"]:
            place += 1
        counts[starts[place]] += row["received"]
    return list(counts.items())


def _granularity(period: Period) -> Granularity:
    return Granularity.HOUR if period.days == 1 else Granularity.DAY


def _charts(written: Locale, series: list[tuple[datetime, int]], period: Period) -> tuple[Chart, ...]:
    if not any(count for _, count in series):
        return ()
    by_hour = _granularity(period) == Granularity.HOUR
    locals_ = [(at.astimezone(period.zone), count) for at, count in series]
    drawn = [Bar(f"{at:%H}" if by_hour else f"{at:%d}", count) for at, count in locals_]
    at, most = max(locals_, key=lambda each: each[1])
    when = f"the hour from {at:%H:%M}" if by_hour else written.day(at.date())
    title = f"Events by {'hour' if by_hour else 'day'}"
    quiet = sum(not count for _, count in series)
    alt = (
        f"{title}: most came in {'' if by_hour else 'on '}{when}, {written.number(most)};"
        f" {written.number(quiet)} of {len(series)} {'hours' if by_hour else 'days'} had none."
    )
    return (Chart(title, bars(drawn, Tick()), alt),)


def _tables(written: Locale, sources: list[dict[str, Any]]) -> tuple[Table, ...]:
    if not sources:
        return ()
    rows = tuple(
        (row["source__name"], written.number(row["received"]), written.number(row["rejected"]))
        for row in sources[:SHOWN]
    )
    left = len(sources) - len(rows)
    note = f"{written.number(left)} more" if left else ""
    return (Table("Sources", ("Source", "Events", "Rejected"), rows, note, "/admin/events/source/"),)


def _csv(series: list[tuple[datetime, int]], period: Period) -> bytes:
    out = StringIO()
    rows = csv.writer(out)
    rows.writerow(("since_utc", "since_local", "zone", "events"))
    for at, count in series:
        local = at.astimezone(period.zone)
        rows.writerow((at.astimezone(UTC).isoformat(), local.isoformat(), period.zone.key, count))
    return out.getvalue().encode()
