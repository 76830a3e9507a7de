"""The inbox's side of the admin: rejected events with their reason and bytes, requests that wait."""

import json
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models.functions import Length
from django.http import HttpRequest

from events.admin.base import EmptyState, OwnedAdmin
from events.admin.columns import moment, short
from events.admin.facts import Document, Page, group
from events.admin.filters import DialectFilter, KindFilter, OwnerFilter, SourceFilter
from events.admin.json_text import coloured, laid_out
from events.admin.pages import PageAdmin
from events.admin.paging import KeysetAdmin
from ingestion.inbox import InboxRequest
from ingestion.rejected import RejectedEvent

SHOWN = 200_000  # bytes of a body
_LINE = 16  # bytes a line where they are no text


@admin.register(RejectedEvent)
class RejectedEventAdmin(OwnedAdmin, PageAdmin, KeysetAdmin):
    """Rejected events: what could not be stored, and why."""

    list_display = (
        moment("received_at", "First received (UTC)"),
        "owner",
        "source",
        "kind",
        "code",
        short("path", 40),
        "seen",
    )
    list_filter = (OwnerFilter, SourceFilter, KindFilter, DialectFilter)
    list_columns = ("received_at", "kind", "code", "path", "seen", "owner__name", "source__name")
    empty_state = EmptyState(
        "No rejected events",
        "Every event so far could be stored. One that can't be is kept here, with the reason and its bytes.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Rejected events with the names that the list and the page show."""
        return super().get_queryset(request).select_related("owner", "source")

    def page(self, request: HttpRequest, row: RejectedEvent) -> Page:
        """Why it was rejected, and what it was."""
        return Page(
            sentence=row.message,
            groups=(
                group("Why", row, ("code", "path", "strict")),
                group("What", row, ("kind", "dialect", "encoding", "client_event_id")),
                group("Whose", row, ("owner", "source")),
                group("When", row, ("received_at", "last_received_at", "seen")),
                group("Request", row, ("context",)),
            ),
            documents=tuple(_documents(bytes(row.body))),
        )


@admin.register(InboxRequest)
class InboxRequestAdmin(PageAdmin, KeysetAdmin):
    """Requests that wait to be filed. For operators: what they hold is not yet anybody's events."""

    list_display = (moment("received_at"), "owner", "dialect", "encoding", "events", "size", "attempts")
    list_filter = (OwnerFilter, DialectFilter)
    empty_state = EmptyState("Nothing waits", "Every request that was acknowledged has been filed.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Requests with the size of their body, which itself may be megabytes."""
        found: models.QuerySet[Any] = super().get_queryset(request).annotate(size=Length("body"))
        return found.select_related("owner", "key").defer("body")

    @admin.display(description="Size")
    def size(self, row: Any) -> str:
        """The size of the body."""
        return f"{row.size:,} bytes"

    def page(self, request: HttpRequest, row: InboxRequest) -> Page:
        """What waits, and how often it was tried."""
        return Page(
            sentence=f"{row.events:,} events for {row.owner} wait to be filed; tried {row.attempts} times.",
            groups=(
                group(
                    "Request",
                    row,
                    ("received_at", "owner", "key", "dialect", "encoding", "strict", "context"),
                ),
                group("Filing", row, ("events", "attempts")),
            ),
            documents=tuple(_documents(bytes(row.body))),
        )


def _documents(body: bytes) -> list[Document]:
    """The bytes for reading: laid out where they are JSON, and as they came."""
    part = body[:SHOWN]
    size = f"{len(body):,} bytes"
    note = f"{size}." if len(part) == len(body) else f"The first {SHOWN:,} of {size}."
    as_sent = Document("Bytes as received", note, _readable(part))
    if len(part) < len(body):
        return [as_sent]
    try:
        text = laid_out(json.loads(body))
    except (ValueError, RecursionError):
        return [as_sent]
    return [
        Document(
            "The event, laid out",
            "For reading: of repeated keys the last, numbers as Python reads them.",
            coloured(text),
            is_open=True,
        ),
        as_sent,
    ]


def _readable(part: bytes) -> str:
    """Text as text, anything else as a dump of its bytes."""
    text = part.decode("utf-8", "backslashreplace")
    if "\x00" not in text:
        return text
    lines = (part[at : at + _LINE] for at in range(0, len(part), _LINE))
    return "\n".join(f"{line.hex(' '):<{_LINE * 3}} {_printable(line)}" for line in lines)


def _printable(line: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
