"""The router of the read API: the one place that knows both apps."""

from rest_framework.routers import DefaultRouter

from events.api.sessions import SessionViewSet
from events.api.views import EventViewSet
from ingestion.api import RejectedViewSet

router = DefaultRouter(use_regex_path=False)
router.include_root_view = True
router.register("events", EventViewSet, basename="event")
router.register("sessions", SessionViewSet, basename="session")
router.register("rejected", RejectedViewSet, basename="rejected")
