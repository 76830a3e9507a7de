"""The page of a session: a sentence, figures, the timeline, tables, and its events in pages."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.http import QueryDict
from django.urls import reverse

from events.admin.display import NO_NAME, Document, Link, Page, Table, TableRow, group, highlighted, indented
from events.admin.event_page import event_url
from events.admin.lists import AFTER, BEFORE, cursor_text, requested_page
from events.admin.timeline import COUNTED, MARKS, PROBED, Drawing, Idle, Timeline, Visit, draw, read
from events.event import Event
from events.identity import first_id, moment, occurred_ms
from events.lib.formatting import duration_text, shorten
from events.lib.paging import InvalidCursor, Order
from events.sessions.session import Session, State
from events.sessions.summary_event import as_summary_event
from events.store import retention

ORDER = Order(("id",))
EVENTS = 25  # on a page


@dataclass(frozen=True)
class SessionEvent:
    """An event in the list of a session."""

    href: str
    at: datetime
    since_begin: str
    kind: str
    page: str
    day: str = ""  # where another day begins
    idle_before: str = ""
    is_error: bool = False


@dataclass(frozen=True)
class SessionEvents:
    """A page of events, with links to its neighbours."""

    rows: tuple[SessionEvent, ...]
    first: str = ""
    earlier: str = ""
    later: str = ""


def link_to(event: UUID | None, since_ms: int, asked: QueryDict) -> str:
    """Return the link to an event, or to the events of the table from a millisecond on."""
    if event is not None:
        return event_url(event)
    return _address(asked, AFTER, str(first_id(moment(since_ms))))


def _address(asked: QueryDict, direction: str, key: str) -> str:
    """Return the URL of this page with another page of events."""
    changed = asked.copy()
    for name in (AFTER, BEFORE):
        changed.pop(name, None)
    if key:
        changed[direction] = key
    return f"?{changed.urlencode()}#events"


def session_events(session: Session, timeline: Timeline, asked: QueryDict) -> SessionEvents:
    """Return the requested page of events; the first one if the cursor is invalid."""
    rows = session.timeline().only("kind", "occurred_at")
    try:
        page, is_first = requested_page(rows, ORDER, EVENTS, asked.dict())  # type: ignore[arg-type]  # texts
    except InvalidCursor:
        page, is_first = requested_page(rows, ORDER, EVENTS, {})
    idle = {each.until_ms: each for each in timeline.idles}
    failed = {mark.event for mark in timeline.marks if mark.is_error}
    return SessionEvents(
        tuple(_days(_event(event, timeline, idle, failed) for event in page.rows)),
        first="" if is_first else _address(asked, AFTER, ""),
        earlier=_address(asked, BEFORE, cursor_text(ORDER, page.previous)) if page.previous else "",
        later=_address(asked, AFTER, cursor_text(ORDER, page.next)) if page.next else "",
    )


def _days(found: Iterable[SessionEvent]) -> Iterable[SessionEvent]:
    """Add the date to the first event of each day."""
    day = ""
    for step in found:
        date = f"{step.at.day} {step.at:%B %Y}"
        yield step if date == day else replace(step, day=date)
        day = date


def _event(event: Event, timeline: Timeline, idle: dict[int, Idle], failed: set[UUID | None]) -> SessionEvent:
    ms = occurred_ms(event.pk.int)
    before = idle.get(ms)
    return SessionEvent(
        href=event_url(event.pk),
        at=event.occurred_at.astimezone(UTC),
        since_begin="+" + duration_text((ms - timeline.since_ms) / 1000),
        kind=event.kind,
        page=_page_at(ms, timeline.visits),
        idle_before=duration_text((before.until_ms - before.since_ms) / 1000) if before else "",
        is_error=event.pk in failed or event.kind == "error",
    )


def _page_at(ms: int, visits: Sequence[Visit]) -> str:
    """Return the page that was open. If two were opened within a millisecond, return the later one."""
    place = bisect_right(visits, ms, key=lambda visit: visit.since_ms)
    return shorten(visits[place - 1].page or NO_NAME, 40) if place else ""


ROWS = 100  # of a table; a session may have thousands of pages

WHO = ("owner", "actor", "actor_type", "device", "session", "is_bot")
WHERE = ("source", "version", "channel", "environment", "country")
WHAT = ("type", "mode", "dialect", "object_id", "object_type", "object_version", "id")
TIMES = ("started_at", "ended_at", "entry_kind", "exit_kind")


@dataclass(frozen=True)
class Figure:
    """A figure with a note."""

    label: str
    value: str
    note: str = ""
    is_bad: bool = False


@dataclass(frozen=True, kw_only=True)
class SessionView(Page):
    """The page of a session."""

    state: State
    figures: tuple[Figure, ...]
    drawing: Drawing | None  # None if its events were removed
    drawing_notes: tuple[str, ...]
    tables: tuple[Table, ...]
    steps: SessionEvents

    @property
    def state_note(self) -> str:
        """The meaning of the state."""
        return self.state.label.partition(": ")[2]


def session_view(session: Session, now: datetime, asked: QueryDict) -> SessionView:
    """Build the page of a session."""
    prefetch_related_objects([session], "pages", "environments", "event_counts")
    counts = {row.kind: row.count for row in session.event_counts.all()}
    since = retention.current()
    is_kept = since.sealed_until is None or session.ended_at >= since.sealed_until
    timeline = read(session, counts) if is_kept else Timeline.unknown(session)
    return SessionView(
        sentence=session_sentence(session),
        links=tuple(_links(session, is_kept=is_kept)),
        groups=(
            group("Who", session, WHO),
            group("Where", session, WHERE),
            group("What", session, WHAT),
            group("When", session, TIMES),
        ),
        documents=tuple(_documents(session)),
        state=session.state_at(now),
        figures=tuple(_figures(session, timeline)),
        drawing=draw(timeline, lambda event, since_ms: link_to(event, since_ms, asked)) if is_kept else None,
        drawing_notes=tuple(_notes(timeline)) if is_kept else (f"Its events were removed. {since.sentence}",),
        tables=tuple(_tables(session)),
        steps=session_events(session, timeline, asked) if is_kept else SessionEvents(()),
    )


def session_sentence(session: Session) -> str:
    """Return a sentence: who spent how much time where and when, with which counts."""
    who = shorten(" ".join(filter(None, [session.actor_type, session.actor])) or "Somebody")
    if session.actors > 1:
        others = session.actors - 1
        who += f" and {others:,} other actor{'' if others == 1 else 's'}"
    version = f" {shorten(session.version)}" if session.version else ""
    where = f"{shorten(session.source.name)}{version} (owner {shorten(session.owner.name)})"
    begin, end = session.started_at.astimezone(UTC), session.ended_at.astimezone(UTC)
    until = f"{end:%H:%M:%S}" if end.date() == begin.date() else _at(end)
    parts = (
        counted(session.events, "event"),
        counted(session.page_views, "page view"),
        counted(session.interactions, "interaction"),
        counted(session.errors, "error"),
    )
    return (
        f"{who} spent {duration_text(session.time_spent)} in {where}, {_at(begin)} to {until} UTC:"
        f" {', '.join(parts[:-1])} and {parts[-1]}."
    )


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}" if count else f"no {noun}s"


def _at(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M:%S}"


def _links(session: Session, *, is_kept: bool) -> Iterable[Link]:
    if is_kept:
        yield Link("First event", event_url(session.entry_event))
        yield Link("Last event", event_url(session.exit_event))
    yield Link("As JSON", reverse("session-detail", args=[session.pk]))
    yield Link("As SUMMARY event", reverse("session-summary", args=[session.pk]))


def _figures(session: Session, timeline: Timeline) -> Iterable[Figure]:
    # Time spent is a sum of rounded gaps, so it may exceed the duration by a hundredth.
    whole = max((session.ended_at - session.started_at).total_seconds(), float(session.time_spent))
    idle = f"; {counted(len(timeline.idles), 'long pause')} left out" if timeline.idles else ""
    yield Figure("Time spent", duration_text(session.time_spent), f"of {duration_text(whole)}{idle}")
    pages = len(session.pages.all())
    yield Figure("Page views", f"{session.page_views:,}", f"of {counted(pages, 'page')}" if pages else "")
    yield Figure("Interactions", f"{session.interactions:,}", f"among {counted(session.events, 'event')}")
    yield Figure("Errors", f"{session.errors:,}", is_bad=session.errors > 0)
    if session.actors > 1:
        yield Figure("Actors", f"{session.actors:,}", "although a session should have one", is_bad=True)
    if session.reused_ids:
        note = f"{counted(session.reused_ids, 'event')} with the ID of an earlier one"
        yield Figure("Reused ids", f"{session.reused_ids:,}", note, is_bad=True)


def _notes(timeline: Timeline) -> Iterable[str]:
    if timeline.is_probed:
        yield (
            f"More than {COUNTED:,} events: the chart shows the first {PROBED} of every"
            f" {duration_text(timeline.stretch_ms / 1000)}; each bar links to the table from there on."
        )
    elif timeline.stretch_ms:
        yield (
            f"More than {MARKS:,} events: each bar counts the events of a kind within"
            f" {duration_text(timeline.stretch_ms / 1000)}, and links to them in the table below."
        )
    else:
        yield "Each mark is an event and links to its page."
    if timeline.idles:
        yield "Hatched: more than ten minutes without an event, which are not counted as time spent."
    if timeline.lacks_visits:
        yield "There are too many page views to draw: see the table of pages."


def _tables(session: Session) -> Iterable[Table]:
    whole = float(session.time_spent) or 1.0
    pages = sorted(session.pages.all(), key=lambda page: (-page.time_spent, page.position))
    if pages:
        yield Table(
            "Pages, by time spent",
            ("Page", "Type", "Environment", "Visits", "Time spent"),
            tuple(
                TableRow(
                    page.page or NO_NAME,
                    (
                        page.type or "",
                        page.environment or "",
                        f"{page.visits:,}",
                        duration_text(page.time_spent),
                    ),
                    100 * float(page.time_spent) / whole,
                )
                for page in pages[:ROWS]
            ),
            f"The {ROWS} with the most time of {len(pages):,}." if len(pages) > ROWS else "",
            texts=2,
            is_wide=True,
        )
    environments = session.environments.all()
    if environments:
        yield Table(
            "Environments",
            ("Environment", "Visits", "Time spent"),
            tuple(
                TableRow(
                    row.environment,
                    (f"{row.visits:,}", duration_text(row.time_spent)),
                    100 * float(row.time_spent) / whole,
                )
                for row in environments[:ROWS]
            ),
            f"The first {ROWS} of {len(environments):,}." if len(environments) > ROWS else "",
        )
    counts = sorted(session.event_counts.all(), key=lambda row: (-row.count, row.kind))
    yield Table(
        "Events by kind",
        ("Kind", "Events"),
        tuple(TableRow(row.kind, (f"{row.count:,}",), 100 * row.count / session.events) for row in counts),
    )


def _documents(session: Session) -> Iterable[Document]:
    if len(session.pages.all()) > ROWS:
        return
    note = "The SUMMARY event that a client would send for this session in the V3 format."
    yield Document("As a V3 SUMMARY event (JSON)", note, highlighted(indented(as_summary_event(session))))
