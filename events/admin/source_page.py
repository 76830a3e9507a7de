"""What the page of a source says: what it sent of late, which versions it has, of which kinds, for whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Min, Q, Sum
from django.urls import reverse
from django.utils.html import format_html

from events.access import Access
from events.admin.facts import Link, Page, group
from events.admin.filters import labels_of, visible_sources
from events.admin.overview import Card, incomplete_for
from events.admin.recent import DAYS, SourceFigures, first_day, of_sources
from events.admin.sparkline import sparkline
from events.admin.tables import Line, Table
from events.ownership.source import Source
from events.store.silent import silent_sources
from events.store.usage import UsageHour
from events.store.versions import SourceVersion

ROWS = 100  # of a table
MOST_MERGED = 10  # links to merged sources
NOT_SENT = "(none sent)"


@dataclass(frozen=True, kw_only=True)
class SourceView(Page):
    """All that is said of a source to one person: of their owners' events only."""

    cards: tuple[Card, ...]
    tables: tuple[Table, ...]


def view(source: Source, access: Access, now: datetime) -> SourceView:
    """What there is to say of a source."""
    figures = of_sources(access, [source.pk], now).get(source.pk)
    tables = (_versions(source, access), _kinds(source, access, now), _owners(source, access, now))
    return SourceView(
        sentence=sentence(source, figures),
        links=(*_links(source), *_merged(source, access)),
        groups=(group("Which", source, ("name", "organization", "merged_into")),),
        cards=tuple(_cards(source, figures, access, now)) if figures else (),
        tables=tuple(table for table in tables if table.lines),
    )


def sentence(source: Source, figures: SourceFigures | None) -> str:
    """What it sent of late, and when it was last heard."""
    if source.merged_into is not None:
        return f"{source.name} is merged: new events that name it are filed under {source.merged_into}."
    if figures is None:
        return f"{source.name} has sent nothing yet."
    heard = f"last heard in the hour from {_in_words(figures.last)} UTC"
    if not figures.received:
        return f"{source.name} sent nothing in the last {DAYS} days; {heard}."
    events = "1 event" if figures.received == 1 else f"{figures.received:,} events"
    bad = f"{figures.rejected:,} rejected" if figures.rejected else "none rejected"
    return f"{source.name} sent {events} in the last {DAYS} days, {bad}; {heard}."


def _in_words(at: datetime) -> str:
    """An hour as sentences say it."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:00}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _from(at: datetime) -> str:
    return f"in the hour from {at.astimezone(UTC):%H:00} UTC"


def _links(source: Source) -> Iterable[Link]:
    query = urlencode({"source": source.pk})
    yield Link("Its events", f"{reverse('admin:events_event_changelist')}?{query}")
    yield Link("Its sessions", f"{reverse('admin:events_session_changelist')}?{query}")
    yield Link("Its rejected events", f"{reverse('admin:ingestion_rejectedevent_changelist')}?{query}")


def _merged(source: Source, access: Access) -> Iterable[Link]:
    """Return links to the target and to sources merged into this one, as far as the person sees them."""
    related = Q(pk=source.merged_into_id) | Q(merged_into=source)
    for other in visible_sources(access).filter(related).order_by("name")[:MOST_MERGED]:
        label = "Merged into" if other.pk == source.merged_into_id else "Merged source:"
        yield Link(f"{label} {other}", reverse("admin:events_source_change", args=[other.pk]))


def _cards(source: Source, figures: SourceFigures, access: Access, now: datetime) -> Iterable[Card]:
    events, _, rejected = (link.href for link in _links(source))
    is_incomplete = incomplete_for(access, now) is not None
    hours = access.limit(UsageHour.objects.filter(source=source))
    silent = [] if is_incomplete else silent_sources(hours, now)
    yield Card(
        f"Received in {DAYS} days",
        f"{figures.received:,}",
        "events",
        sparkline(figures.days, "Events received"),
        events,
    )
    yield Card(
        f"Rejected in {DAYS} days",
        f"{figures.rejected:,}",
        "events",
        sparkline(figures.rejected_days, "Events rejected"),
        rejected,
        wants_attention=figures.rejected > 0 and not is_incomplete,
    )
    yield Card("First heard", _day(figures.first), _from(figures.first))
    note = "".join([_from(figures.last), *(f"; silent for {each.since}" for each in silent)])
    yield Card("Last heard", _day(figures.last), note, wants_attention=bool(silent))


def _versions(source: Source, access: Access) -> Table:
    """The versions, the one heard last first."""
    rows = list(
        access.limit(SourceVersion.objects.filter(source=source))
        .values("version")
        .annotate(first=Min("first_seen"), last=Max("last_seen"), count=Sum("events"))
        .order_by("-last", "version")[: ROWS + 1]
    )
    most = max((row["count"] for row in rows), default=0) or 1
    return Table(
        "Versions, the one heard last first",
        ("Version", "First seen (UTC)", "Last seen (UTC)", "Events stored"),
        tuple(
            Line(
                row["version"] or NOT_SENT,
                (_minute(row["first"]), _minute(row["last"]), f"{row['count']:,}"),
                100 * row["count"] / most,
            )
            for row in rows[:ROWS]
        ),
        note=f"The {ROWS} heard last." if len(rows) > ROWS else "",
        texts=2,
        is_wide=True,
    )


def _minute(at: datetime) -> str:
    at = at.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M}")


def _kinds(source: Source, access: Access, now: datetime) -> Table:
    """What it sent by kind."""
    rows = _usage(source, access, now, "kind")
    listed = reverse("admin:events_event_changelist")
    return Table(
        f"Kinds, {DAYS} days",
        ("Kind", "Rejected", "Received"),
        tuple(
            _line(
                row,
                row["kind"] or "(not known)",
                f"{listed}?{urlencode({'source': source.pk, 'kind': row['kind']})}" if row["kind"] else "",
                rows,
            )
            for row in rows
        ),
    )


def _owners(source: Source, access: Access, now: datetime) -> Table:
    """Whose events those are, where there are several owners."""
    rows = _usage(source, access, now, "owner_id")
    names = dict(zip((owner.pk for owner in access.owners), labels_of(access.owners), strict=True))
    listed = reverse("admin:events_event_changelist")
    return Table(
        f"Owners, {DAYS} days",
        ("Owner", "Rejected", "Received"),
        tuple(
            _line(
                row,
                names[row["owner_id"]],
                f"{listed}?{urlencode({'source': source.pk, 'owner': row['owner_id']})}",
                rows,
            )
            for row in rows
        )
        if len(rows) > 1
        else (),
    )


def _usage(source: Source, access: Access, now: datetime, by: str) -> list[Any]:
    hours = access.limit(UsageHour.objects.filter(source=source, hour__gte=first_day(now)))
    sums = hours.values(by).annotate(count=Sum("received"), bad=Sum("rejected"))
    return list(sums.filter(count__gt=0).order_by("-count", by)[:ROWS])


def _line(row: Any, name: str, href: str, rows: list[Any]) -> Line:
    return Line(name, (f"{row['bad']:,}", f"{row['count']:,}"), 100 * row["count"] / rows[0]["count"], href)
