"""The router of the read API: the one place that knows both apps."""

from rest_framework.routers import DefaultRouter

from events.api.kinds import KindsViewSet, view_of
from events.api.ownership import OwnerViewSet, SourceViewSet
from events.api.sessions import SessionViewSet
from events.api.usage import UsageViewSet
from events.api.views import EventViewSet
from events.kinds import KINDS
from ingestion.api import RejectedViewSet

router = DefaultRouter(use_regex_path=False)
router.include_root_view = True
router.register("events", EventViewSet, basename="event")
router.register("kinds", KindsViewSet, basename="kind")
for name in KINDS:
    router.register(f"kinds/{name}", view_of(name), basename=f"kind-{name}")
router.register("sessions", SessionViewSet, basename="session")
router.register("rejected", RejectedViewSet, basename="rejected")
router.register("owners", OwnerViewSet, basename="owner")
router.register("sources", SourceViewSet, basename="source")
router.register("usage", UsageViewSet, basename="usage")
