"""Ways between events and sessions."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from events.admin.facts import Link
from events.event import Event
from events.sessions.session import Session
from events.words import cut


def event_page(event: UUID) -> str:
    """The address of an event's page."""
    return reverse("admin:events_event_change", args=[event])


def neighbours(session: Session, event: Event) -> Iterable[Link]:
    """The events before and after one in its session."""
    events = session.timeline().values_list("pk", flat=True)
    previous = events.filter(pk__lt=event.pk).order_by("-pk").first()
    following = events.filter(pk__gt=event.pk).first()
    if previous:
        yield Link("Previous event", event_page(previous))
    if following:
        yield Link("Next event", event_page(following))


def links_of(event: Event, now: datetime) -> Iterable[Link]:
    """From an event to its session, and to the events beside it."""
    session = Session.objects.of_event(event).first()
    if session is not None:
        name = cut(str(session), 32)
        yield Link(f"Session: {name} · {session.state_at(now).value}", session_page(session.pk))
        yield from neighbours(session, event)


def session_page(session: UUID) -> str:
    """The address of a session's page."""
    return reverse("admin:events_session_change", args=[session])
