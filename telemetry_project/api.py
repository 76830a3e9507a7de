"""The router of the read API and its description: the one place that knows both apps."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter

from events.api.endpoint import Endpoint
from events.api.kinds import KindsViewSet, view_of
from events.api.ownership import OwnerViewSet, SourceViewSet
from events.api.sessions import SessionViewSet
from events.api.usage import UsageViewSet
from events.api.views import EventViewSet
from events.kinds import KINDS
from ingestion.api import RejectedViewSet
from reports.api.charges import ChargeViewSet

router = DefaultRouter(use_regex_path=False)
router.include_format_suffixes = False
router.register("events", EventViewSet, basename="event")
router.register("kinds", KindsViewSet, basename="kind")
for name in KINDS:
    router.register(f"kinds/{name}", view_of(name), basename=f"kind-{name}")
router.register("sessions", SessionViewSet, basename="session")
router.register("rejected", RejectedViewSet, basename="rejected")
router.register("owners", OwnerViewSet, basename="owner")
router.register("sources", SourceViewSet, basename="source")
router.register("usage", UsageViewSet, basename="usage")
router.register("charges", ChargeViewSet, basename="charge")


@cache
def description() -> Any:
    """The API as OpenAPI 3.1, reading and ingest. Made once: it takes a second."""
    return SchemaGenerator().get_schema(request=None, public=True)


class SchemaView(Endpoint, SpectacularJSONAPIView):
    """The description, as JSON."""

    def _get_schema_response(self, _: Request) -> Response:
        return Response(description())
