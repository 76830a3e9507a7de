"""Waiting requests in the admin."""

from django.contrib import admin
from django.db import models
from django.db.models.functions import Length
from django.http import HttpRequest

from events.admin.base import EmptyState, PageAdmin, Row
from events.admin.display import Page, group, time_column
from events.admin.filters import DialectFilter, OwnerFilter
from events.admin.lists import KeysetAdmin
from ingestion.admin import bodies
from ingestion.receiving.inbox import InboxRequest


@admin.register(InboxRequest)
class InboxRequestAdmin(PageAdmin, KeysetAdmin):
    """Requests that wait to be filed. For operators: what they hold is not yet anybody's events."""

    list_display = (time_column("received_at"), "owner", "dialect", "encoding", "events", "size", "attempts")
    list_filter = (OwnerFilter, DialectFilter)
    empty_state = EmptyState("Nothing waits", "Every acknowledged request has been filed.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[InboxRequest]:
        """Requests with the size of their body, which itself may be megabytes."""
        found: models.QuerySet[InboxRequest] = super().get_queryset(request).annotate(size=Length("body"))
        return found.select_related("owner", "key").defer("body")

    @admin.display(description="Size")
    def size(self, row: Row) -> str:
        """Return the size of the body."""
        return f"{row.size:,} bytes"

    def page(self, request: HttpRequest, row: InboxRequest) -> Page:
        """Return the page of a request: its contents, and the attempts to file it."""
        return Page(
            sentence=f"{row.events:,} events for {row.owner} waiting to be filed, after {row.attempts}"
            f" attempts.",
            groups=(
                group(
                    "Request",
                    row,
                    ("received_at", "owner", "key", "dialect", "encoding", "strict", "context"),
                ),
                group("Filing", row, ("events", "attempts")),
            ),
            documents=tuple(bodies.documents(bytes(row.body))),
        )
