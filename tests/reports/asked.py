"""Helpers for tests of report pages: usage to show, odd parameters, filters, files."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from events.ownership.source import Source
from events.store.usage import UsageHour, hour_of
from reports.filters import Filters
from reports.pages.links import Links
from reports.pages.page import Context
from reports.periods import Granularity, Period
from tests.rollups.recomputed import fold_due
from tests.sending import Sender, file_all
from tests.sessions.stored import summarise_due

ZERO = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)
# Meaningless parameters, and some that break careless parsers.
ODD = (
    "period=never",
    "from=2026-02-30&to=yesterday",
    "from=2026-03-01&to=2026-01-01",
    "from=0001-01-01&to=9999-12-31",
    "from=2026-01-01&to=2026-12-31&granularity=quarter_hour",
    "owner=99999999&source=-1&kind=nothing&country=Germany",
    "owner=1&owner=1&source=%00&source=x%27%3B--",
    "zone=Pacific/Apia&from=2011-12-30&to=2011-12-30",  # a day that Samoa skipped
    "zone=Mars/Olympus&compare=sideways&granularity=century",
    "version=%F0%9F%92%A9&country=de&sort=kinds.-nothing&sort=..",
    "period=7d&sort=" + "x" * 2_000,
)


def counted(
    sender: Sender, hours_ago: int = 1, received: int = 10, source: str = "portal", **more: Any
) -> Source:
    """Create an hour of usage of the sender's owner, and return its source."""
    owner = sender.key.default_owner
    found, _ = Source.objects.get_or_create(organization=owner.organization, name=source)
    rejected = more.pop("rejected", 0)
    UsageHour.objects.create(
        **{"owner": owner, "source": found, "kind": "log", "dialect": "sunbird"}
        | {"hour": hour_of(timezone.now()) - timedelta(hours=hours_ago)}
        | {"received": received, "stored": received - rejected, "rejected": rejected}
        | more,
    )
    return found


def arrived(sender: Sender, *events: Any) -> None:
    """File events, summarise sessions and fold rollups, so that pages show them."""
    sender.batch(*events)
    file_all()
    summarise_due()
    fold_due()


def filters(period: Period, granularity: Granularity | None = None, **more: Any) -> Filters:
    """Return filters of an operator, who sees all owners."""
    owners = more.pop("owners", None)
    return Filters(owners=owners, period=period, granularity=granularity or period.finest(), **more)


def context(page: str = "overview", now: datetime = ZERO, **more: Any) -> Context:
    """Return what a page is built with besides filters."""
    usual = Context(now=now, links=Links(page, {}), owners={}, sources={}, sees_all=True)
    return replace(usual, **more)


def file_of(client: Client, path: str) -> bytes:
    """Download a table. CSV is a streaming response."""
    response: Any = client.get(path)
    assert response.status_code == 200, path
    return b"".join(response.streaming_content) if response.streaming else response.content


def csv_of(client: Client, path: str) -> str:
    """Download a table as CSV, without the byte order mark."""
    return file_of(client, path).decode("utf-8-sig")
