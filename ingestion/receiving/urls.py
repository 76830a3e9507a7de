"""The paths of the ingest endpoints, by dialect."""

from django.urls import path

from ingestion.dialects import availity, sunbird
from ingestion.receiving import views

urlpatterns = [
    *(path(route, views.SunbirdView.as_view()) for route in sunbird.PATHS),
    *(path(route, views.AvailityView.as_view()) for route in availity.PATHS),
    path("v1/telemetry/event:ping", views.PingView.as_view()),
    path("v1/telemetry/event:emit", views.EmitView.as_view()),
    path("v1/telemetry/event:stream", views.StreamView.as_view()),
]
