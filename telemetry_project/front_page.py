"""The admin's front page: cards of received events, and of those waiting to be filed."""

from typing import Any

from django.db.models import Count, Min, Sum
from django.http import HttpRequest
from django.urls import reverse

from events.access import Access, access_of
from events.admin import overview
from events.admin.overview import Card
from ingestion.receiving.inbox import InboxRequest


def context(request: HttpRequest, base: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the front page."""
    access = access_of(request)
    found = overview.context(request, base)
    return found if access.is_empty else found | {"cards": [*found["cards"], waiting(access)]}


def waiting(access: Access) -> Card:
    """Return a card of events that are accepted but not yet filed."""
    found = access.limit(InboxRequest.objects.all()).aggregate(
        events=Sum("events", default=0), requests=Count("pk"), oldest=Min("received_at")
    )
    note = "all is filed"
    if found["requests"]:
        requests = "1 request" if found["requests"] == 1 else f"{found['requests']:,} requests"
        note = f"in {requests}, the oldest of {found['oldest']:%Y-%m-%d %H:%M:%S} UTC"
    href = reverse("admin:ingestion_inboxrequest_changelist") if access.is_operator else ""
    return Card("Waiting to be filed", f"{found['events']:,}", note, href=href)
