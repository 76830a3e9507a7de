"""What the page of a session says: a sentence, figures, the drawn timeline, tables, its events in pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import prefetch_related_objects
from django.http import QueryDict
from django.urls import reverse

from events.admin.drawing import Drawing, draw
from events.admin.facts import NO_NAME, Document, Link, Page, group
from events.admin.json_text import coloured, laid_out
from events.admin.session_events import Steps, leads, steps
from events.admin.session_links import event_page
from events.admin.tables import Line, Table
from events.admin.timeline import COUNTED, MARKS, PROBED, Timeline, read
from events.sessions.session import Session, State
from events.store import retained
from events.words import cut, lasting

ROWS = 100  # of a table; a session may have thousands of pages

WHO = ("owner", "actor", "actor_type", "device", "session", "is_bot")
WHERE = ("source", "version", "channel", "environment", "country")
WHAT = ("type", "mode", "dialect", "object_id", "object_type", "object_version", "id")
TIMES = ("started_at", "ended_at", "entry_kind", "exit_kind")


@dataclass(frozen=True)
class Figure:
    """A number that matters, and what is to be known of it."""

    label: str
    value: str
    note: str = ""
    is_bad: bool = False


@dataclass(frozen=True, kw_only=True)
class SessionView(Page):
    """All that is said of a session."""

    state: State
    figures: tuple[Figure, ...]
    drawing: Drawing | None  # None where its events were removed
    drawing_notes: tuple[str, ...]
    tables: tuple[Table, ...]
    steps: Steps

    @property
    def state_note(self) -> str:
        """What the state means."""
        return self.state.label.partition(": ")[2]


def view(session: Session, now: datetime, asked: QueryDict) -> SessionView:
    """What there is to say of a session."""
    prefetch_related_objects([session], "pages", "environments", "event_counts")
    counts = {row.kind: row.count for row in session.event_counts.all()}
    since = retained.since()
    is_kept = since.sealed_until is None or session.ended_at >= since.sealed_until
    timeline = read(session, counts) if is_kept else Timeline.unknown(session)
    return SessionView(
        sentence=sentence(session),
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
        drawing=draw(timeline, lambda event, since_ms: leads(event, since_ms, asked)) if is_kept else None,
        drawing_notes=tuple(_notes(timeline)) if is_kept else (f"Its events were removed. {since.sentence}",),
        tables=tuple(_tables(session)),
        steps=steps(session, timeline, asked) if is_kept else Steps(()),
    )


def sentence(session: Session) -> str:
    """Who spent how long where and when, and what came of it."""
    who = cut(" ".join(filter(None, [session.actor_type, session.actor])) or "Somebody")
    if session.actors > 1:
        others = session.actors - 1
        who += f" and {others:,} other actor{'' if others == 1 else 's'}"
    version = f" {cut(session.version)}" if session.version else ""
    where = f"{cut(session.source.name)}{version} (owner {cut(session.owner.name)})"
    begin, end = session.started_at.astimezone(UTC), session.ended_at.astimezone(UTC)
    until = f"{end:%H:%M:%S}" if end.date() == begin.date() else _at(end)
    parts = (
        counted(session.events, "event"),
        counted(session.page_views, "page view"),
        counted(session.interactions, "interaction"),
        counted(session.errors, "error"),
    )
    return (
        f"{who} spent {lasting(session.time_spent)} in {where}, {_at(begin)} to {until} UTC:"
        f" {', '.join(parts[:-1])} and {parts[-1]}."
    )


def counted(count: int, noun: str) -> str:
    """So many of something."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}" if count else f"no {noun}s"


def _at(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M:%S}"


def _links(session: Session, *, is_kept: bool) -> Iterable[Link]:
    if is_kept:
        yield Link("First event", event_page(session.entry_event))
        yield Link("Last event", event_page(session.exit_event))
    yield Link("As JSON", reverse("session-detail", args=[session.pk]))
    yield Link("As SUMMARY event", reverse("session-summary", args=[session.pk]))


def _figures(session: Session, timeline: Timeline) -> Iterable[Figure]:
    # Time spent is a sum of rounded gaps, and may be a hundredth more than the whole.
    whole = max((session.ended_at - session.started_at).total_seconds(), float(session.time_spent))
    idle = f"; {counted(len(timeline.idles), 'long pause')} left out" if timeline.idles else ""
    yield Figure("Time spent", lasting(session.time_spent), f"of {lasting(whole)}{idle}")
    pages = len(session.pages.all())
    yield Figure("Page views", f"{session.page_views:,}", f"of {counted(pages, 'page')}" if pages else "")
    yield Figure("Interactions", f"{session.interactions:,}", f"among {counted(session.events, 'event')}")
    yield Figure("Errors", f"{session.errors:,}", is_bad=session.errors > 0)
    if session.actors > 1:
        yield Figure("Actors", f"{session.actors:,}", "where a session should have one", is_bad=True)
    if session.reused_ids:
        note = f"{counted(session.reused_ids, 'event')} with the id of an earlier one"
        yield Figure("Reused ids", f"{session.reused_ids:,}", note, is_bad=True)


def _notes(timeline: Timeline) -> Iterable[str]:
    if timeline.is_probed:
        yield (
            f"More than {COUNTED:,} events: drawn are the first {PROBED} of every"
            f" {lasting(timeline.stretch_ms / 1000)}; a bar leads to the table from there on."
        )
    elif timeline.stretch_ms:
        yield (
            f"More than {MARKS:,} events: each bar is how many there were of a kind within"
            f" {lasting(timeline.stretch_ms / 1000)}, and leads to them in the table below."
        )
    else:
        yield "Each mark is an event and leads to its page."
    if timeline.idles:
        yield "Hatched: more than ten minutes without an event, which are not counted as time spent."
    if timeline.lacks_visits:
        yield "There are too many events of pages to draw them as bands: see the table of pages."


def _tables(session: Session) -> Iterable[Table]:
    whole = float(session.time_spent) or 1.0
    pages = sorted(session.pages.all(), key=lambda page: (-page.time_spent, page.position))
    if pages:
        yield Table(
            "Pages, by time spent",
            ("Page", "Type", "Environment", "Visits", "Time spent"),
            tuple(
                Line(
                    page.page or NO_NAME,
                    (page.type or "", page.environment or "", f"{page.visits:,}", lasting(page.time_spent)),
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
                Line(
                    row.environment,
                    (f"{row.visits:,}", lasting(row.time_spent)),
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
        tuple(Line(row.kind, (f"{row.count:,}",), 100 * row.count / session.events) for row in counts),
    )


def _documents(session: Session) -> Iterable[Document]:
    if len(session.pages.all()) > ROWS:
        return
    note = "What a client would send for this session by the V3 format, computed from its events."
    yield Document("As a V3 SUMMARY event (JSON)", note, coloured(laid_out(session.as_summary_event())))
