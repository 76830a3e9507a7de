"""The router of the API and its description. Only this module knows both apps."""

import gzip
from functools import cache
from hashlib import sha256
from threading import RLock
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from rest_framework.routers import DefaultRouter

from events.api.changes import ChangesViewSet
from events.api.events import EventViewSet
from events.api.exports import ExportViewSet
from events.api.kinds import KindsViewSet, view_of
from events.api.managing.keys import KeyViewSet
from events.api.managing.members import InvitationViewSet, MemberViewSet
from events.api.managing.owners import OwnerViewSet
from events.api.managing.sources import SourceViewSet
from events.api.managing.webhooks import WebhookViewSet
from events.api.sessions import SessionViewSet
from events.api.usage import UsageViewSet
from events.kinds import KINDS
from ingestion.rejected.api import RejectedViewSet
from reports.api import exported  # noqa: F401  (registers what exports contain)
from reports.api.budgets import BudgetViewSet
from reports.api.charges import ChargeViewSet
from reports.api.pages import ReportsViewSet
from reports.api.query import QueryViewSet
from reports.api.subscriptions import SubscriptionViewSet
from reports.cost import month_feed  # noqa: F401  (registers closed months)

router = DefaultRouter(use_regex_path=False)
router.include_format_suffixes = False
router.register("events", EventViewSet, basename="event")
router.register("changes", ChangesViewSet, basename="change")
router.register("exports", ExportViewSet, basename="export")
router.register("kinds", KindsViewSet, basename="kind")
for name in KINDS:
    router.register(f"kinds/{name}", view_of(name), basename=f"kind-{name}")
router.register("sessions", SessionViewSet, basename="session")
router.register("rejected", RejectedViewSet, basename="rejected")
router.register("owners", OwnerViewSet, basename="owner")
router.register("sources", SourceViewSet, basename="source")
router.register("keys", KeyViewSet, basename="key")
router.register("members", MemberViewSet, basename="member")
router.register("invitations", InvitationViewSet, basename="invitation")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("usage", UsageViewSet, basename="usage")
router.register("charges", ChargeViewSet, basename="charge")
router.register("reports", ReportsViewSet, basename="report")
router.register("query", QueryViewSet, basename="query")
router.register("budgets", BudgetViewSet, basename="budget")
router.register("subscriptions", SubscriptionViewSet, basename="subscription")


_making = RLock()  # `cache` alone would let concurrent first calls all build it


def description() -> Any:
    """Return the API as OpenAPI 3.1, reading and ingest. Built once, since it takes a second."""
    with _making:
        return _description()


@cache
def _description() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


class Document(NamedTuple):
    """The description as it is sent, plain and compressed."""

    plain: bytes
    zipped: bytes
    etag: str


def document() -> Document:
    """Return the description as bytes. It is built once, since that takes 200 ms."""
    with _making:
        return _document()


@cache
def _document() -> Document:
    renderer = OpenApiJsonRenderer()
    plain = renderer.render(description(), renderer_context={})
    return Document(plain, gzip.compress(plain, mtime=0), f'W/"{sha256(plain).hexdigest()[:32]}"')


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Serve the description of the API to anybody, before they have a key."""
    found = document()
    is_zipped = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    response = HttpResponse(
        found.zipped if is_zipped else found.plain, content_type=OpenApiJsonRenderer.media_type
    )
    if is_zipped:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = found.etag
    response["Cache-Control"] = "public, max-age=60"
    patch_vary_headers(response, ["Accept-Encoding"])
    answer = get_conditional_response(request, etag=found.etag, response=response)
    assert answer is not None
    return answer
