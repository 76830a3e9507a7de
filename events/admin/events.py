"""Events in the admin: the list, newest first, and the page of one."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.admin.base import EmptyState, OwnedAdmin
from events.admin.columns import moment, short
from events.admin.facts import Document, Group, Page, fact, group
from events.admin.filters import DialectFilter, EventKindFilter, OwnerFilter, PeriodFilter, SourceFilter
from events.admin.json_text import coloured, laid_out
from events.admin.pages import PageAdmin
from events.admin.paging import KeysetAdmin
from events.admin.sentences import sentence
from events.admin.session_links import links_of
from events.event import Event
from events.kinds import KINDS

# What the page of an event asks, and the envelope's fields that answer. A field that is named nowhere here
# comes last, so that none is ever hidden.
WHO = ("owner", "actor", "actor_email_hash", "actor_type", "device", "session", "address_hash")
WHERE = (
    "source",
    "component",
    "version",
    "platform",
    "channel",
    "environment",
    *(f"rollup_l{level}" for level in range(1, 5)),
)
ABOUT = (
    "object_id",
    "object_type",
    "object_version",
    *(f"object_rollup_l{level}" for level in range(1, 5)),
    "correlation",
    "tags",
)
PLACE = (
    "country",
    "region",
    "locality",
    "latitude",
    "longitude",
    "geohash",
    "timezone",
    "dma",
    "edge",
)
AGENT = (
    "browser",
    "browser_version",
    "os_name",
    "os_family",
    "os_version",
    "device_type",
    "is_bot",
    "user_agent",
)
TIMES = ("occurred_at", "received_at", "ingested_at", "clock_skew_ms", "time_hash")
CLIENT = (
    "id",
    "client_event_id",
    "dialect",
    "format_version",
    "billed_bytes",
    "wire_bytes",
    "over_quota",
    "adaptations",
)
ELSEWHERE = ("kind", "extra")
LISTED = ("kind", "dialect", "session", "actor", "occurred_at", "owner", "source")
# An event that any server of Tally takes, so that the empty list can say how to send one.
FIRST_EVENT = (
    '{"events": [{"eid": "LOG", "ver": "3.0", "ets": \'$(date +%s000)\', "mid": "first", '
    '"actor": {"id": "me", "type": "User"}, '
    '"context": {"channel": "trial", "env": "shell", "pdata": {"id": "curl"}}, '
    '"edata": {"type": "trial", "level": "INFO", "message": "Hello"}}]}'
)


@admin.register(Event)
class EventAdmin(OwnedAdmin, PageAdmin, KeysetAdmin):
    """Events of all kinds: read, never changed."""

    list_display = (
        moment("occurred_at", "Occurred (UTC)"),
        "kind",
        "owner",
        "source",
        short("actor"),
        short("session"),
        "dialect",
    )
    list_filter = (OwnerFilter, SourceFilter, EventKindFilter, DialectFilter, PeriodFilter)
    list_columns = LISTED
    search_fields = ("session",)  # Django wants one; get_search_results says what is searched
    search_help_text = "Event id, or session id"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Events with the names that the list and the page show.

        By queries of their own: joined, statistics that don't know a new source yet make PostgreSQL expect
        next to no rows, and sort all events for one page.
        """
        return super().get_queryset(request).prefetch_related("owner", "source")

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: models.QuerySet[Any],
        search_term: str,
    ) -> tuple[models.QuerySet[Any], bool]:
        """By what has an index: the event's id, else the session's, which may look like one of ours."""
        term = search_term.strip()
        if not term:
            return queryset, False
        with suppress(ValueError):  # no id of ours
            by_id = queryset.filter(pk=UUID(term))
            if by_id.exists():
                return by_id, False
        return queryset.with_text("session", term), False  # type: ignore[attr-defined]

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """How the first event gets in."""
        return EmptyState(
            "No events yet",
            "Make a key, then post an event with it. It appears here within a second or two.",
            (
                'python manage.py create_key --owner "My team"',
                f"curl {settings.BASE_URL}/v1/telemetry -H 'Authorization: Bearer KEY'"
                " -H 'Content-Type: application/json'"
                f" -d '{FIRST_EVENT}'",
            ),
        )

    def page(self, request: HttpRequest, row: Event) -> Page:
        """What there is to say of an event."""
        detail = row.detail
        return Page(
            sentence=sentence(row, detail),
            links=tuple(links_of(row, timezone.now())),
            groups=tuple(_groups(row, detail)),
            documents=tuple(_documents(row, detail)),
        )


def _groups(event: Event, detail: models.Model | None) -> list[Group]:
    model = KINDS[event.kind].model
    columns = [column.name for column in (*model.columns(), *model.computed())]
    what = group("What", event, ("kind",)).facts
    if detail is not None:
        what += group("What", detail, columns).facts
    named = {*WHO, *WHERE, *PLACE, *AGENT, *ABOUT, *TIMES, *CLIENT, *ELSEWHERE}
    others = (fact(event, field) for field in Event._meta.concrete_fields if field.name not in named)
    return [
        group("Who", event, WHO),
        group("Where", event, WHERE),
        group("Place", event, PLACE),
        group("Browser and system", event, AGENT),
        Group("What", what),
        group("About", event, ABOUT),
        group("Times", event, TIMES),
        group("How it came", event, CLIENT),
        Group("Further", tuple(each for each in others if each is not None)),
        group("Kept beside the columns", event, ("extra",)),
    ]


def _documents(event: Event, detail: models.Model | None) -> list[Document]:
    if detail is None:
        note = "The row of the kind is missing, so the event can't be rebuilt: run manage.py verify."
        return [Document("As sent", note, "")]
    note = "Rebuilt from the columns above: the same JSON values that the sender wrote."
    return [Document("As sent (JSON)", note, coloured(laid_out(event.as_wire(detail))))]
