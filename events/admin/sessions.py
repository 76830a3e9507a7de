"""Sessions in the admin: the list, newest first, and the page of one with its timeline."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from events.admin.base import EmptyState, OwnedAdmin, PageAdmin
from events.admin.display import NO_NAME, NOTHING, count_column, time_column
from events.admin.event_page import session_url
from events.admin.filters import (
    BotFilter,
    ChoiceFilter,
    CountryFilter,
    OwnerFilter,
    PeriodFilter,
    SourceFilter,
    TimeFilter,
    VersionFilter,
    period,
)
from events.admin.lists import KeysetAdmin
from events.admin.session_page import SessionView, session_view
from events.fields.sessions import FIELDS_OF_SESSIONS
from events.lib.formatting import duration_text, shorten
from events.lib.paging import Order
from events.sessions.session import WARNED, Session, SessionRedirect, State

SEARCHED = ("session", "actor", "device")
BOT = format_html(' <small title="{}">bot</small>', Session._meta.get_field("is_bot").help_text)


class StateFilter(ChoiceFilter):
    """Filter by state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return all states."""
        return [(state.value, state.value) for state in State]

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the sessions that are now in the state."""
        sessions: Any = rows
        found: models.QuerySet[models.Model] = sessions.in_state(State(self.chosen), timezone.now())
        return found


class ErrorsFilter(ChoiceFilter):
    """Filter by sessions with or without errors."""

    title = "errors"
    parameter_name = "errors"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return both choices."""
        return [("some", "with errors"), ("none", "without errors")]

    @property
    def is_refused(self) -> bool:
        """True unless it is a choice, or a number as in the API."""
        return super().is_refused and not self._is_number

    @property
    def _is_number(self) -> bool:
        return self.chosen.isascii() and self.chosen.isdigit() and len(self.chosen) < 10

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the sessions with, without or with that many errors."""
        if self._is_number:
            return rows.filter(errors=int(self.chosen))
        return rows.filter(errors__gt=0) if self.chosen == "some" else rows.filter(errors=0)


class WarningFilter(ChoiceFilter):
    """Filter by warning about a session as a whole."""

    title = "warning"
    parameter_name = "warning"

    def lookups(self, request: HttpRequest, model_admin: object) -> Iterable[tuple[str, str]]:
        """Return the warnings of sessions."""
        return [("several_actors", "several actors"), ("reused_id", "reused IDs")]

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the sessions with the warning, with the condition of the index."""
        column = "actors" if self.chosen == "several_actors" else "reused_ids"
        return rows.filter(WARNED, **{f"{column}__gt": 1 if column == "actors" else 0})


class BegunFilter(PeriodFilter):
    """Filter by time of the first event."""

    def narrow(
        self, request: HttpRequest, rows: models.QuerySet[models.Model]
    ) -> models.QuerySet[models.Model]:
        """Return the sessions that started in the period."""
        since, until = period(self.chosen, timezone.localtime())
        rows = rows.filter(started_at__gte=since)
        return rows.filter(started_at__lt=until) if until else rows


class BegunSinceFilter(TimeFilter):
    """Filter by start at a time or later."""

    title = "from"
    parameter_name = "since"
    lookup = "started_at__gte"


class BegunUntilFilter(TimeFilter):
    """Filter by start before a time."""

    title = "before"
    parameter_name = "until"
    lookup = "started_at__lt"


@admin.register(Session)
class SessionAdmin(OwnedAdmin, PageAdmin, KeysetAdmin):
    """Sessions. They are computed from events and can't be changed."""

    page_template = "admin/session_page.html"
    list_display = (
        time_column("started_at", "Started (UTC)"),
        "state",
        "owner",
        "source",
        "spent",
        count_column("events"),
        count_column("page_views"),
        count_column("interactions"),
        count_column("errors", is_bad=True),
        "pages",
    )
    list_filter = (
        *(OwnerFilter, SourceFilter, StateFilter, BegunFilter, BegunSinceFilter, BegunUntilFilter),
        *(ErrorsFilter, WarningFilter, BotFilter, VersionFilter, CountryFilter),
    )
    list_order = Order(("started_at", "id"), descending=True)
    vocabulary = FIELDS_OF_SESSIONS
    list_columns = (
        *("owner", "source", "started_at", "ended_at", "time_spent", "events", "page_views"),
        *("interactions", "errors", "first_page", "last_page", "session", "device", "is_bot"),
    )
    search_fields = ("session",)  # Django requires one; get_search_results defines what is searched
    search_help_text = "Session ID, actor or device"
    empty_state = EmptyState(
        "No sessions yet",
        "Events with a session ID or a device are summarised as sessions a few seconds after they are filed."
        " To summarise pending sessions now, run:",
        ("python manage.py summarise",),
    )

    @admin.display(description="State")
    def state(self, row: Session) -> str:
        """Return its state, and mark sessions of bots."""
        state = row.state_at(timezone.now())
        return format_html(
            '<span class="tally-state tally-state-{}" title="{}">{}</span>{}',
            state.value,
            state.label,
            state.value,
            BOT if row.is_bot else "",
        )

    @admin.display(description="Time spent")
    def spent(self, row: Session) -> str:
        """Return the time spent without long pauses, and the whole duration."""
        seconds = (row.ended_at - row.started_at).total_seconds()
        spent, whole = duration_text(row.time_spent), duration_text(seconds)
        # Time spent is a sum of rounded gaps, so it may exceed the duration by a hundredth.
        is_less = row.time_spent < seconds and spent != whole
        more = format_html(" <small>of {}</small>", whole) if is_less else ""
        return format_html('<span class="tally-figure">{}{}</span>', spent, more)

    @admin.display(description="Pages")
    def pages(self, row: Session) -> str:
        """Return the first and the last page."""
        if row.first_page is None:
            return NOTHING
        pages = [row.first_page] if row.last_page == row.first_page else [row.first_page, row.last_page]
        return format_html_join(" → ", '<span class="tally-id" title="{}">{}</span>', _named(pages))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Session]:
        """Return the sessions with the names that list and page show."""
        return super().get_queryset(request).prefetch_related("owner", "source")

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: models.QuerySet[models.Model],
        search_term: str,
    ) -> tuple[models.QuerySet[models.Model], bool]:
        """Search by our id, else by session id, actor or device. The first that finds anything is used.

        The searches run one after another, since each has an index, and a combined one has none.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        for found in _searches(queryset, term):
            if found.exists():
                return found, False
        return queryset.none(), False

    def page(self, request: HttpRequest, row: Session) -> SessionView:
        """Build the page of a session."""
        return session_view(row, timezone.now(), request.GET)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the page. A previous id of a session redirects to it."""
        moved = self._moved(request, unquote(object_id)) if object_id else None
        if moved is not None:
            messages.info(
                request, "A late event changed the ID of this session. This is the current session."
            )
            return redirect(session_url(moved.pk))
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _moved(self, request: HttpRequest, old: str) -> Session | None:
        """Return the visible session that had another id before."""
        if self.get_object(request, old) is not None:
            return None
        try:
            found = SessionRedirect.objects.filter(old=old).first()
        except ValidationError:
            return None
        sessions = self.get_queryset(request)
        return sessions.filter(pk=found.current).first() if found else None


def _named(pages: Iterable[str | None]) -> Iterable[tuple[str, str]]:
    for page in pages:
        name = page or NO_NAME
        yield name, shorten(name, 20)


def _searches(sessions: models.QuerySet[models.Model], term: str) -> Iterable[models.QuerySet[models.Model]]:
    with suppress(ValueError):  # not one of our ids
        yield sessions.filter(pk=UUID(term))
    for column in SEARCHED:
        yield sessions.with_text(column, term)  # type: ignore[attr-defined]
